#include "lissom_conv.h"

/* Gathers into one row of y at a time; along the row, every tap scatters a row of x. */
void lissom_conv_transpose_f32(const lissom_conv_params *p, const float *x, const float *w, const float *b, float *y)
{
    const int32_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    const int32_t x_group = p->in_channels * p->in[0] * p->in[1] * p->in[2];
    const int32_t rows = p->out[0] * p->out[1];
    for (int32_t ngo = 0; ngo < p->batch * p->groups * p->out_channels; ++ngo) {
        const int32_t ng = ngo / p->out_channels;
        const int32_t g = ng % p->groups;
        const int32_t o = ngo % p->out_channels;
        for (int32_t row = 0; row < rows; ++row) {
            float *const to = y + (ngo * rows + row) * p->out[2];
            for (int32_t j = 0; j < p->out[2]; ++j) {
                to[j] = b ? b[g * p->out_channels + o] : 0.0f;
            }
            for (int32_t kd = 0; kd < p->kernel[0]; ++kd) {
                const int32_t d = row / p->out[1] + p->pad[0] - kd * p->dilation[0];
                if (d < 0 || d % p->stride[0] != 0 || d / p->stride[0] >= p->in[0]) {
                    continue;
                }
                for (int32_t kh = 0; kh < p->kernel[1]; ++kh) {
                    const int32_t h = row % p->out[1] + p->pad[1] - kh * p->dilation[1];
                    if (h < 0 || h % p->stride[1] != 0 || h / p->stride[1] >= p->in[1]) {
                        continue;
                    }
                    for (int32_t kw = 0; kw < p->kernel[2]; ++kw) {
                        const int32_t tap = (kd * p->kernel[1] + kh) * p->kernel[2] + kw;
                        const int32_t offset = kw * p->dilation[2] - p->pad[2];
                        for (int32_t c = 0; c < p->in_channels; ++c) {
                            const float weight = w[((g * p->in_channels + c) * p->out_channels + o) * taps + tap];
                            const float *const from =
                                x + ng * x_group +
                                ((c * p->in[0] + d / p->stride[0]) * p->in[1] + h / p->stride[1]) * p->in[2];
                            for (int32_t i = 0; i < p->in[2]; ++i) {
                                const int32_t j = i * p->stride[2] + offset;
                                if (j >= 0 && j < p->out[2]) {
                                    to[j] += weight * from[i];
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
