/* Runs the network on test images and prints what it takes each for, and how many of them it has right. */
#include "host_files.h"
#include "images.h"
#include "model.h"

#include <string.h>

static uint8_t arena[MODEL_ARENA_BYTES] __attribute__((aligned(MODEL_ARENA_ALIGN)));

static void print_number(uint32_t n)
{
    char text[11] = {0};
    uint32_t at = 10;
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    print(text + at);
}

static uint32_t largest(const int8_t *scores, uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t i = 1; i < count; ++i) {
        if (scores[i] > scores[found]) {
            found = i;
        }
    }
    return found;
}

int main(void)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < IMAGES; ++i) {
        int8_t scores[CLASSES];
        const model_inputs inputs = {images[i]}; /* read where it lies, in flash */
        model_outputs outputs = {scores};
        if (model_run(&inputs, &outputs, arena) != MODEL_OK) {
            print("the network did not run\n");
            return 1;
        }
        const uint32_t answer = largest(scores, CLASSES);
        right += answer == labels[i];
        print("image ");
        print_number(i);
        print(": ");
        print(names[answer]);
        print(answer == labels[i] ? "\n" : ", wrong: ");
        if (answer != labels[i]) {
            print(names[labels[i]]);
            print("\n");
        }
    }
    print_number(right);
    print(" of ");
    print_number(IMAGES);
    print(" right\n");
    return 0;
}
