// Memory that ends at a page which nobody may touch: to read or write one byte too much is a
// fault.
#ifndef EDGE_H
#define EDGE_H

#include <stddef.h>

// Room for `length` bytes, filled with a pattern; it lives until `edge_reset`.
void *edge_room(size_t length);
// A copy of some bytes at an edge.
void *edge_copy(const void *bytes, size_t length);
// Gives all of it back.
void edge_reset(void);

enum { EDGE_PATTERN = 0x5a, EDGE_BYTES_MAX = 8192 };

#endif
