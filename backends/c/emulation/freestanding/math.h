/* What networks use of math.h, for a compiler that comes without a C library. Its runtime has some of these functions;
 * networks of floats may need others, which the linker then names. */
#ifndef LISSOM_MATH_LIBRARY_H
#define LISSOM_MATH_LIBRARY_H

#define NAN __builtin_nanf("")
#define INFINITY __builtin_inff()
#define isnan(v) __builtin_isnan(v)
#define isinf(v) __builtin_isinf(v)

float acosf(float), acoshf(float), asinf(float), asinhf(float), atanf(float), atanhf(float), ceilf(float), cosf(float);
float coshf(float), erff(float), expf(float), expm1f(float), fabsf(float), floorf(float), fmaxf(float, float);
float fminf(float, float), fmodf(float, float), log1pf(float), logf(float), powf(float, float), rintf(float);
float roundf(float), sinf(float), sinhf(float), sqrtf(float), tanf(float), tanhf(float), truncf(float);

#endif
