/* The floor of `make bench`: the least that a server of the swarm workload can cost through the kernel's sockets.
 *
 * One recv and one send a client a tick, in C, over epoll, with no session, codec, limit or metric. What it costs is nearly
 * all kernel; a server in any language pays at least this much. It is not a server that anyone could use.
 *
 *     floor PORT [tick]
 *
 * Woken by epoll for each message; with `tick`, nobody is woken: a room's sockets are read right before it steps.
 * Clients join by path: /K is room K. An input is 0x01, uint32 sequence, int8 dx, int8 dy. A state message is 0x02,
 * uint32 tick, uint32 returned sequence, then uint16 x, uint16 y of each player (1/16 of a unit); little-endian.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOMS_MAX = 4096, SEATS_MAX = 2048, EVENTS_MAX = 512, REQUEST_MAX = 2048, READ_BYTES = 4096 };
enum { HEADER_BYTES = 9, ENTITY_BYTES = 4, WORLD = 4096 * 16, SPEED = 8 * 16 };
static const uint64_t PERIOD_NS = 50000000;

struct client {
    int fd, room;
    bool upgraded;
    int32_t x, y, vx, vy;
    uint32_t received, consumed;
    int8_t dx, dy;
    char *request;
    size_t request_length;
    uint8_t rest[32];            /* an unfinished frame */
    size_t rest_length;
};

struct room {
    struct client *seats[SEATS_MAX];
    int count;
    uint32_t tick;
    uint64_t due_ns;
};

static struct room *rooms[ROOMS_MAX], *in_order[ROOMS_MAX];
static int poll_fd, rooms_count;
static uint64_t next_due_ns;
static bool read_at_tick;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the handshake: SHA-1 (FIPS 180-4) and base64 of key and GUID, RFC 6455 section 4.2.2 ---- */

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void sha1(const uint8_t *text, size_t length, uint8_t digest[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t padded[192] = {0};
    size_t total = (length + 9 + 63) / 64 * 64;
    memcpy(padded, text, length);
    padded[length] = 0x80;
    for (int i = 0; i < 8; i++) padded[total - 1 - (size_t)i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
    for (size_t block = 0; block < total; block += 64) {
        uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 16; i++) {
            const uint8_t *p = padded + block + 4 * i;
            w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? ((b & c) | (~b & d)) : i < 40 ? (b ^ c ^ d) : i < 60 ? ((b & c) | (b & d) | (c & d)) : (b ^ c ^ d);
            uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
            uint32_t next = rotate(a, 5) + f + e + k + w[i];
            e = d, d = c, c = rotate(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void accept_key(const char *key, size_t length, char out[29]) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char joined[128];
    uint8_t digest[21] = {0};
    int size = snprintf(joined, sizeof joined, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)length, key);
    sha1((const uint8_t *)joined, (size_t)size, digest);
    for (int i = 0; i < 7; i++) {
        uint32_t three = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | digest[3 * i + 2];
        for (int j = 0; j < 4; j++) out[4 * i + j] = alphabet[three >> (18 - 6 * j) & 63];
    }
    out[27] = '=';
    out[28] = 0;
}

/* ---- clients ---- */

static void leave(struct client *c) {
    if (c->upgraded) {
        struct room *room = rooms[c->room];
        for (int i = 0; i < room->count; i++)
            if (room->seats[i] == c) {
                room->seats[i] = room->seats[--room->count];
                break;
            }
    }
    close(c->fd);
    free(c->request);
    free(c);
}

static bool join(struct client *c) {
    char key_out[29], answer[256];
    char *key = strcasestr(c->request, "sec-websocket-key:"), *end;
    if (!key || strncmp(c->request, "GET /", 5)) return false;
    key += strlen("sec-websocket-key:");
    while (*key == ' ') key++;
    if (!(end = strstr(key, "\r\n")) || end - key > 64) return false;
    c->room = atoi(c->request + 5);
    if (c->room < 0 || c->room >= ROOMS_MAX) return false;
    struct room *room = rooms[c->room];
    if (!room) {
        room = rooms[c->room] = calloc(1, sizeof *room);
        double golden = 0.6180339887498949 * rooms_count;    /* rooms spread over the period */
        in_order[rooms_count++] = room;
        next_due_ns = 0;
        room->due_ns = now_ns() + PERIOD_NS + (uint64_t)((golden - (int)golden) * (double)PERIOD_NS);
    }
    if (room->count == SEATS_MAX) return false;
    accept_key(key, (size_t)(end - key), key_out);
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", key_out);
    if (send(c->fd, answer, (size_t)length, MSG_NOSIGNAL) != length) return false;
    c->upgraded = true;
    free(c->request);
    c->request = NULL;
    c->x = rand() % WORLD, c->y = rand() % WORLD;
    c->vx = rand() % 2 ? SPEED : -SPEED, c->vy = rand() % 2 ? SPEED : -SPEED;
    room->seats[room->count++] = c;
    if (read_at_tick) epoll_ctl(poll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    return true;
}

/* An unknown frame of up to 125 bytes is skipped; a longer one, or a close frame, ends the client. */
static bool take_frames(struct client *c, const uint8_t *bytes, size_t length) {
    size_t at = 0;
    while (length - at >= 6) {
        const uint8_t *frame = bytes + at, *mask = frame + 2, *payload = frame + 6;
        size_t size = frame[1] & 0x7f;
        if (size > 125 || (frame[0] & 0x0f) == 8) return false;
        if (length - at < 6 + size) break;
        if (size == 7 && (payload[0] ^ mask[0]) == 1) {
            uint8_t input[7];
            for (int i = 0; i < 7; i++) input[i] = payload[i] ^ mask[i & 3];
            memcpy(&c->received, input + 1, 4);
            c->dx = (int8_t)input[5], c->dy = (int8_t)input[6];
        }
        at += 6 + size;
    }
    c->rest_length = length - at;
    if (c->rest_length > sizeof c->rest) return false;
    memmove(c->rest, bytes + at, c->rest_length);
    return true;
}

static bool read_client(struct client *c) {
    static uint8_t bytes[READ_BYTES];
    memcpy(bytes, c->rest, c->rest_length);
    ssize_t got = recv(c->fd, bytes + c->rest_length, sizeof bytes - c->rest_length, MSG_DONTWAIT);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    if (c->upgraded) return take_frames(c, bytes, c->rest_length + (size_t)got);
    if (!c->request) c->request = calloc(1, REQUEST_MAX);
    if (c->request_length + (size_t)got >= REQUEST_MAX) return false;
    memcpy(c->request + c->request_length, bytes, (size_t)got);
    c->request_length += (size_t)got;
    return strstr(c->request, "\r\n\r\n") ? join(c) : true;
}

/* ---- rooms ---- */

static void move(int32_t *at, int32_t *speed, int8_t direction) {
    if (direction) *speed = direction * SPEED;
    *at += *speed;
    if (*at < 0) *at = -*at, *speed = -*speed;
    if (*at >= WORLD) *at = 2 * (WORLD - 1) - *at, *speed = -*speed;
}

static void step(struct room *room) {
    static uint8_t frame[4 + HEADER_BYTES + SEATS_MAX * ENTITY_BYTES];
    for (int i = room->count - 1; i >= 0 && read_at_tick; i--)
        if (!read_client(room->seats[i])) leave(room->seats[i]);
    size_t payload = HEADER_BYTES + (size_t)room->count * ENTITY_BYTES, header = payload < 126 ? 2 : 4;
    frame[0] = 0x82;
    frame[1] = payload < 126 ? (uint8_t)payload : 126;
    if (payload >= 126) frame[2] = (uint8_t)(payload >> 8), frame[3] = (uint8_t)payload;
    frame[header] = 2;
    room->tick++;
    memcpy(frame + header + 1, &room->tick, 4);
    uint8_t *at = frame + header + HEADER_BYTES;
    for (int i = 0; i < room->count; i++, at += ENTITY_BYTES) {
        struct client *c = room->seats[i];
        move(&c->x, &c->vx, c->dx);
        move(&c->y, &c->vy, c->dy);
        c->consumed = c->received;
        at[0] = (uint8_t)c->x, at[1] = (uint8_t)(c->x >> 8), at[2] = (uint8_t)c->y, at[3] = (uint8_t)(c->y >> 8);
    }
    for (int i = room->count - 1; i >= 0; i--) {
        struct client *c = room->seats[i];
        memcpy(frame + header + 5, &c->consumed, 4);
        ssize_t sent = send(c->fd, frame, header + payload, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent != (ssize_t)(header + payload) && !(sent < 0 && errno == EAGAIN)) leave(c);
    }
}

/* Steps the rooms that are due; returns the milliseconds until the next one is. */
static int step_due(void) {
    uint64_t now = now_ns();
    if (now >= next_due_ns) {
        next_due_ns = now + PERIOD_NS;
        for (int i = 0; i < rooms_count; i++) {
            struct room *room = in_order[i];
            if (room->due_ns <= now) {
                step(room);
                room->due_ns += PERIOD_NS;
                if (room->due_ns < now) room->due_ns = now + PERIOD_NS;
            }
            if (room->due_ns < next_due_ns) next_due_ns = room->due_ns;
        }
        now = now_ns();
    }
    return next_due_ns > now ? (int)((next_due_ns - now + 999999) / 1000000) : 0;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: floor PORT [tick]\n");
        return 2;
    }
    read_at_tick = argc > 2 && !strcmp(argv[2], "tick");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) {
        perror("floor");
        return 1;
    }
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS_MAX];
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poll_fd, events, EVENTS_MAX, step_due());
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (c) {
                if (!read_client(c)) leave(c);
                continue;
            }
            for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c);
                c->fd = fd;
                event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
            }
        }
    }
}
