/* Arithmetic on 8-bit tensors: EXPRESSION computes a byte from the centred values CENTRED(u, a) and CENTRED(v, b). */
#ifndef LISSOM_BINARY_Q8_H
#define LISSOM_BINARY_Q8_H

#include "lissom_binary.h"
#include "lissom_quantize.h"

#define CENTRED(BYTE, SIDE) lissom_centred(BYTE, p->SIDE.flip, p->SIDE.zero)

#define LISSOM_BINARY_Q8(NAME, EXPRESSION) LISSOM_BINARY_OF(NAME, lissom_binary_q8_params, uint8_t, uint8_t, EXPRESSION)

#endif
