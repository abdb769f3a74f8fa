/* Sums of tiles by the best instruction of the level, which is what LISSOM_PRODUCTS says. */
#if LISSOM_PRODUCTS == 3
#include "lissom_matrix_sums.h"
#elif LISSOM_PRODUCTS == 2
#include "lissom_dot_sums.h"
#else
#include "lissom_pair_sums.h"
#endif
