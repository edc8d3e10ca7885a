#include "fcgi/record.h"

#include <string.h>

enum { VERSION = 1 };

static void put16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *in)
{
    return (uint16_t)(in[0] << 8 | in[1]);
}

static void put32(uint8_t *out, uint32_t value)
{
    put16(out, value >> 16);
    put16(out + 2, value & 0xffff);
}

static uint32_t get32(const uint8_t *in)
{
    return (uint32_t)get16(in) << 16 | get16(in + 2);
}

/* A length has one byte up to 127, else four, the first of which has its top bit set. */
static size_t put_length(uint8_t *out, size_t length)
{
    if (length < 0x80) {
        out[0] = (uint8_t)length;
        return 1;
    }
    put32(out, (uint32_t)length | 0x80000000U);
    return 4;
}

static size_t get_length(const uint8_t *in, size_t available, size_t *ret)
{
    if (available >= 1 && in[0] < 0x80) {
        *ret = in[0];
        return 1;
    }
    if (available < 4)
        return 0;
    *ret = get32(in) & 0x7fffffffU;
    return 4;
}

/* ---------------------------------------------------------------------------------------------------------- */

void fcgi_put_header(uint8_t out[FCGI_HEADER_SIZE], const struct fcgi_header *header)
{
    out[0] = VERSION;
    out[1] = header->type;
    put16(out + 2, header->request);
    put16(out + 4, header->length);
    out[6] = header->padding;
    out[7] = 0;
}

bool fcgi_get_header(const uint8_t in[FCGI_HEADER_SIZE], struct fcgi_header *ret)
{
    ret->type = in[1];
    ret->request = get16(in + 2);
    ret->length = get16(in + 4);
    ret->padding = in[6];
    return in[0] == VERSION;
}

void fcgi_put_begin(uint8_t out[FCGI_BODY_SIZE], const struct fcgi_begin *begin)
{
    memset(out, 0, FCGI_BODY_SIZE);
    put16(out, begin->role);
    out[2] = begin->flags;
}

void fcgi_get_begin(const uint8_t in[FCGI_BODY_SIZE], struct fcgi_begin *ret)
{
    ret->role = get16(in);
    ret->flags = in[2];
}

void fcgi_put_end(uint8_t out[FCGI_BODY_SIZE], const struct fcgi_end *end)
{
    memset(out, 0, FCGI_BODY_SIZE);
    put32(out, end->app_status);
    out[4] = end->protocol_status;
}

void fcgi_get_end(const uint8_t in[FCGI_BODY_SIZE], struct fcgi_end *ret)
{
    ret->app_status = get32(in);
    ret->protocol_status = in[4];
}

size_t fcgi_put_pair_head(uint8_t out[FCGI_PAIR_HEAD_MAX], size_t name_length, size_t value_length)
{
    size_t n = put_length(out, name_length);
    return n + put_length(out + n, value_length);
}

size_t fcgi_get_pair(const uint8_t *in, size_t length, struct fcgi_pair *ret)
{
    size_t first = get_length(in, length, &ret->name_length);
    size_t second = first ? get_length(in + first, length - first, &ret->value_length) : 0;
    size_t head = first + second;
    if (!second || length - head < ret->name_length || length - head - ret->name_length < ret->value_length)
        return 0;
    ret->name = in + head;
    ret->value = ret->name + ret->name_length;
    return head + ret->name_length + ret->value_length;
}
