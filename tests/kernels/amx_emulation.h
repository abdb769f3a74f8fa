/* What the instructions of AMX do, in plain C (Intel's Software Developer's Manual, TILELOADD, TDPBUSD, TILESTORED), for
 * machines that lack them; it stops where the processor would fault. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
    uint8_t config[64];
    uint8_t data[8][16][64];
} amx;

static inline int amx_rows(int t) { return amx.config[48 + t]; }
static inline int amx_bytes(int t) { return amx.config[16 + 2 * t] | amx.config[17 + 2 * t] << 8; }

static inline void lissom_tile_config(const void *from)
{
    memcpy(amx.config, from, 64);
    memset(amx.data, 0, sizeof amx.data);
    if (amx.config[0] != 1) {
        abort();
    }
    for (int t = 0; t < 8; ++t) {
        if (amx_rows(t) < 1 || amx_rows(t) > 16 || amx_bytes(t) < 1 || amx_bytes(t) > 64) {
            abort();
        }
    }
}

static inline void lissom_tile_release(void) { memset(&amx, 0, sizeof amx); }

static inline void lissom_tile_load(int t, const void *from, long step)
{
    if (amx.config[0] != 1) {
        abort();
    }
    memset(amx.data[t], 0, sizeof amx.data[t]);
    for (int r = 0; r < amx_rows(t); ++r) {
        memcpy(amx.data[t][r], (const uint8_t *)from + r * step, (size_t)amx_bytes(t));
    }
}

static inline void lissom_tile_store(int t, void *to, long step)
{
    for (int r = 0; r < amx_rows(t); ++r) {
        memcpy((uint8_t *)to + r * step, amx.data[t][r], (size_t)amx_bytes(t));
    }
}

static inline void lissom_tile_dot(int c, int a, int b)
{
    if (amx_rows(c) != amx_rows(a) || amx_bytes(c) != amx_bytes(b) || amx_bytes(a) != 4 * amx_rows(b) || amx_bytes(c) % 4) {
        abort();
    }
    for (int m = 0; m < amx_rows(c); ++m) {
        for (int n = 0; n < amx_bytes(c) / 4; ++n) {
            int32_t sum;
            memcpy(&sum, &amx.data[c][m][4 * n], 4);
            for (int k = 0; k < amx_bytes(a); ++k) {
                sum += amx.data[a][m][k] * (int8_t)amx.data[b][k / 4][4 * n + k % 4];
            }
            memcpy(&amx.data[c][m][4 * n], &sum, 4);
        }
    }
}
