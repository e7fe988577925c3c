/* What step.mjs calls, around one model: MODEL is its name, and its header is included before. */
#include <string.h>

#define JOINED(a, b) a##_##b
#define NAMED(a, b) JOINED(a, b)
#define OF(word) NAMED(MODEL, word)
#define EXPORT(name) __attribute__((export_name(#name))) name

/* wasm has instructions for these, and clang writes them for the builtins */
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    return __builtin_memcpy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size)
{
    return __builtin_memmove(to, from, size);
}

void *memset(void *to, int value, size_t size)
{
    return __builtin_memset(to, value, size);
}

static OF(state) state;
static union {
    float numbers[OF(FEATURES)];
    int32_t token;
} x;
static float y[OF(OUTPUTS)];

int EXPORT(features)(void) { return OF(FEATURES); }
int EXPORT(outputs)(void) { return OF(OUTPUTS); }
int EXPORT(size)(void) { return OF(STATE); }
float *EXPORT(at_state)(void) { return state.v; }
void *EXPORT(at_x)(void) { return &x; }
float *EXPORT(at_y)(void) { return y; }
void EXPORT(step)(void) { OF(step)(&state, (const void *)&x, y); }

#if OF(TEXT) /* the model reads text */
static OF(text) text;
static int32_t ids[2];

static int steps(int count)
{
    int i;

    for (i = 0; i < count; i++) { OF(step)(&state, &ids[i], y); }
    return count;
}

int EXPORT(read_byte)(int byte) { return steps(OF(text_push)(&text, (unsigned char)byte, ids)); }
int EXPORT(end_text)(void) { return steps(OF(text_end)(&text, ids)); }
#endif
