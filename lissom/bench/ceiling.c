/* The most multiply-accumulates a second that one core reaches with one kind of instruction, operands in registers.
 * The program is compiled with -DKIND=k, see ceiling.py, and prints one number. x86-64 only. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#if KIND == 7
#include <sys/syscall.h>
#endif

#define EIGHT(STEP) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)
#define TWELVE(STEP) EIGHT(STEP) STEP(12) STEP(13) STEP(14) STEP(15)
#define CLOBBERED                                                                                                      \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",         \
        "xmm13", "xmm14", "xmm15"

#if KIND == 0 /* int8 by SSE2: widened to 16 bits, two products added to 32; 8 products */
#define CLEAR(n) "pxor %%xmm" #n ", %%xmm" #n "\n"
#define STEP(n) "movdqa %%xmm1, %%xmm2\n pmaddwd %%xmm0, %%xmm2\n paddd %%xmm2, %%xmm" #n "\n"
#define MACS 8
#elif KIND == 1 /* float by SSE2: 4 products */
#define CLEAR(n) "xorps %%xmm" #n ", %%xmm" #n "\n"
#define STEP(n) "movaps %%xmm1, %%xmm2\n mulps %%xmm0, %%xmm2\n addps %%xmm2, %%xmm" #n "\n"
#define MACS 4
#elif KIND == 2 /* int8 by AVX2, exact: 16 products */
#define CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define STEP(n) "vpmaddwd %%ymm0, %%ymm1, %%ymm2\n vpaddd %%ymm2, %%ymm" #n ", %%ymm" #n "\n"
#define MACS 16
#elif KIND == 3 /* float by FMA, 256 bits */
#define CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define STEP(n) "vfmadd231ps %%ymm0, %%ymm1, %%ymm" #n "\n"
#define MACS 8
#elif KIND == 4 /* int8 by AVX-VNNI */
#define CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define STEP(n) "%{vex%} vpdpbusd %%ymm0, %%ymm1, %%ymm" #n "\n"
#define MACS 32
#elif KIND == 5 /* int8 by AVX-512 without VNNI, exact: 32 products */
#define CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define STEP(n) "vpmaddwd %%zmm0, %%zmm1, %%zmm2\n vpaddd %%zmm2, %%zmm" #n ", %%zmm" #n "\n"
#define MACS 32
#elif KIND == 6 /* int8 by AVX512-VNNI */
#define CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define STEP(n) "vpdpbusd %%zmm0, %%zmm1, %%zmm" #n "\n"
#define MACS 64
#elif KIND == 7 /* int8 by AMX: four tiles of 16 x 16 sums of 64 products */
#define MACS (16 * 16 * 64)
#elif KIND == 8 /* float by FMA, 512 bits */
#define CLEAR(n) "vpxor %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define STEP(n) "vfmadd231ps %%zmm0, %%zmm1, %%zmm" #n "\n"
#define MACS 16
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if KIND == 7
static const struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tiles = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

/* Products made by ``rounds`` rounds. */
static double work(long rounds)
{
    __asm__ volatile("ldtilecfg %0" ::"m"(tiles));
    for (long i = 0; i < rounds; ++i) {
        __asm__ volatile("tdpbusd %tmm6, %tmm4, %tmm0\n tdpbusd %tmm7, %tmm4, %tmm1\n"
                         "tdpbusd %tmm6, %tmm5, %tmm2\n tdpbusd %tmm7, %tmm5, %tmm3\n");
    }
    __asm__ volatile("tilerelease");
    return (double)rounds * 4 * MACS;
}
#else
static double work(long rounds)
{
    __asm__ volatile(CLEAR(0) CLEAR(1) TWELVE(CLEAR)::: CLOBBERED);
    for (long i = 0; i < rounds; ++i) {
        __asm__ volatile(TWELVE(STEP)::: CLOBBERED);
    }
    return (double)rounds * 12 * MACS;
}
#endif

int main(void)
{
    double best = 0;
#if KIND == 7
    if (syscall(SYS_arch_prctl, 0x1023 /* ask for */, 18 /* tile data */) != 0) {
        return 1;
    }
#endif
    for (int i = 0; i < 40; ++i) {
        const double began = now(), done = work(200000), rate = done / (now() - began);
        best = rate > best ? rate : best;
    }
    printf("%.6g\n", best);
    return 0;
}
