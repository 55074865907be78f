/* The load generator of `make bench`: many WebSocket clients in one thread, over epoll.
 *
 * It knows no game and no peer. A plan file says how a client opens (path, subprotocol, first message), what it
 * answers to what (the replies that a protocol's handshake and heartbeats want), what one input looks like and where
 * its sequence number stands, and how to recognise a state message. The generator opens the clients, sends each one's
 * inputs at `rate` a second, spread evenly over the period, and counts the state messages that arrive.
 *
 * The clients' inputs start as each one joins, which is when its first state message arrives. Measuring is switched by
 * lines on standard input, so that whoever samples the server's CPU does so for the same span:
 *
 *     start      counters go to zero              -> {"event":"started"}
 *     stop       the window ends                  -> {"event":"result", ...}
 *     (end of file ends the program)
 *
 * Standard output has one JSON object a line: joined, failed, started, result. The plan has one item a line:
 *
 *     host 127.0.0.1 | port 9250 | subprotocol NAME | rate 20 | connecting_max 64 | join_timeout_s 20
 *     input text|bin HEX           several: a client takes another one now and then (another direction)
 *     sequence le32|be32|decimal OFFSET      where its number goes; decimal digits are inserted there
 *     ack OFFSET                   le32: the newest tick applied (only with `returned game`)
 *     reply text|bin PREFIXHEX text|bin REPLYHEX
 *     state text|bin PREFIXHEX     several: how a state message begins
 *     state_bytes_min N            a shorter one counts as an error
 *     returned le32 OFFSET | returned game   where a state message returns the sequence number
 *     dump FILE                    every message of client 0, from the first: for the verifier
 *     client PATH [text|bin HEX]   one line a client: path of the upgrade, first message
 *
 * Dump records are: uint64 nanoseconds since start, uint32 length, uint8 opcode (1 text, 2 binary), payload; little-endian.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

enum { INPUTS_MAX = 16, RULES_MAX = 16, MESSAGE_MAX = 1 << 16, READ_BYTES = 1 << 18, EVENTS_MAX = 512 };
enum { GAP_BUCKET_NS = 100000, GAP_BUCKETS = 50000, SIZES_MAX = 1 << 17, TURN_EVERY = 16 };
enum { ROUND_NS = 500000 };    /* how long the loop sleeps at most; gaps are this exact */
enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum sequence_kind { SEQUENCE_NONE, SEQUENCE_LE32, SEQUENCE_BE32, SEQUENCE_DECIMAL };
enum returned_kind { RETURNED_NONE, RETURNED_LE32, RETURNED_GAME };
enum stage { WAITING, CONNECTING, UPGRADING, OPENING, JOINED, CLOSED };

struct message { int opcode; size_t length; uint8_t *bytes; };
struct reply { struct message prefix, answer; };

struct client {
    int fd;
    enum stage stage;
    char *path;
    struct message first;
    uint64_t phase_ns;           /* when in the period its input goes out */
    uint32_t sequence;           /* of the newest input sent */
    uint32_t returned;           /* newest sequence number that came back */
    uint32_t tick;               /* newest tick applied (returned game) */
    uint32_t random;
    int input;                   /* which of the plan's inputs it sends now */
    uint64_t last_state_ns;
    uint32_t frames;             /* state messages in the window */
    uint8_t *in; size_t in_length, in_capacity;    /* an unfinished frame */
    uint8_t *out; size_t out_length;               /* an unfinished send */
};

static struct {
    char host[64], subprotocol[64], dump[512];
    int port, rate, connecting_max, join_timeout_s;
    struct message inputs[INPUTS_MAX]; int inputs_count;
    enum sequence_kind sequence; size_t sequence_offset;
    long ack_offset;
    struct reply replies[RULES_MAX]; int replies_count;
    struct message states[RULES_MAX]; int states_count;
    size_t state_bytes_min;
    enum returned_kind returned; size_t returned_offset;
} plan = {.rate = 20, .connecting_max = 64, .join_timeout_s = 20, .ack_offset = -1};

static struct client *clients;
static struct client **by_phase;
static int clients_count, joined_count, closed_count, opening_count, next_to_open;
static int poll_fd;
static FILE *dump_file;
static uint8_t read_buffer[READ_BYTES];
static uint64_t begin_ns;

/* What one window counts. */
static struct {
    bool open;
    uint64_t start_ns, frames, payload_bytes, wire_bytes, inputs, inputs_blocked, others, short_states, closed, reads;
    uint64_t late_over_5ms, gap_max_ns;
    double cpu_start_s;
    uint32_t gaps[GAP_BUCKETS], sizes[SIZES_MAX];
    uint64_t gaps_count;
} window;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *reason) {
    printf("{\"event\":\"failed\",\"reason\":\"%s\",\"joined\":%d,\"closed\":%d}\n", reason, joined_count, closed_count);
    fflush(stdout);
    exit(1);
}

/* ---- the plan ---- */

static struct message parse_message(const char *kind, const char *hex) {
    size_t length = strlen(hex) / 2;
    struct message m = {.opcode = strcmp(kind, "text") ? BINARY : TEXT, .length = length, .bytes = malloc(length + 1)};
    for (size_t i = 0; i < length; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) fail("bad hexadecimal in the plan");
        m.bytes[i] = (uint8_t)byte;
    }
    return m;
}

static void parse_line(char *line) {
    char *save, *key = strtok_r(line, " \n", &save);
    if (!key) return;
    char *word[4] = {0};
    for (int i = 0; i < 4 && (word[i] = strtok_r(NULL, " \n", &save)); i++) {}
    if (!word[0]) fail("a plan line without a value");
    if (!strcmp(key, "host")) snprintf(plan.host, sizeof plan.host, "%s", word[0]);
    else if (!strcmp(key, "subprotocol")) snprintf(plan.subprotocol, sizeof plan.subprotocol, "%s", word[0]);
    else if (!strcmp(key, "dump")) snprintf(plan.dump, sizeof plan.dump, "%s", word[0]);
    else if (!strcmp(key, "port")) plan.port = atoi(word[0]);
    else if (!strcmp(key, "rate")) plan.rate = atoi(word[0]);
    else if (!strcmp(key, "connecting_max")) plan.connecting_max = atoi(word[0]);
    else if (!strcmp(key, "join_timeout_s")) plan.join_timeout_s = atoi(word[0]);
    else if (!strcmp(key, "ack")) plan.ack_offset = atol(word[0]);
    else if (!strcmp(key, "state_bytes_min")) plan.state_bytes_min = (size_t)atol(word[0]);
    else if (!strcmp(key, "input") && word[1] && plan.inputs_count < INPUTS_MAX)
        plan.inputs[plan.inputs_count++] = parse_message(word[0], word[1]);
    else if (!strcmp(key, "state") && word[1] && plan.states_count < RULES_MAX)
        plan.states[plan.states_count++] = parse_message(word[0], word[1]);
    else if (!strcmp(key, "reply") && word[3] && plan.replies_count < RULES_MAX)
        plan.replies[plan.replies_count++] =
            (struct reply){parse_message(word[0], word[1]), parse_message(word[2], word[3])};
    else if (!strcmp(key, "sequence") && word[1]) {
        plan.sequence = !strcmp(word[0], "le32") ? SEQUENCE_LE32 : !strcmp(word[0], "be32") ? SEQUENCE_BE32 : SEQUENCE_DECIMAL;
        plan.sequence_offset = (size_t)atol(word[1]);
    } else if (!strcmp(key, "returned")) {
        plan.returned = !strcmp(word[0], "game") ? RETURNED_GAME : RETURNED_LE32;
        plan.returned_offset = word[1] ? (size_t)atol(word[1]) : 0;
    } else if (!strcmp(key, "client")) {
        clients = realloc(clients, sizeof *clients * (size_t)(clients_count + 1));
        struct client *c = &clients[clients_count++];
        memset(c, 0, sizeof *c);
        c->fd = -1;
        c->path = strdup(word[0]);
        if (word[2]) c->first = parse_message(word[1], word[2]);
    } else fail("an unknown line in the plan");
}

static int by_phase_order(const void *a, const void *b) {
    const struct client *const *x = a, *const *y = b;
    return ((*x)->phase_ns > (*y)->phase_ns) - ((*x)->phase_ns < (*y)->phase_ns);
}

static void read_plan(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail("cannot open the plan");
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) > 0) parse_line(line);
    free(line);
    fclose(file);
    if (!clients_count || !plan.inputs_count || !plan.states_count) fail("the plan lacks clients, inputs or states");
    by_phase = malloc(sizeof *by_phase * (size_t)clients_count);
    uint64_t period_ns = 1000000000u / (uint64_t)plan.rate;
    for (int i = 0; i < clients_count; i++) {
        struct client *c = &clients[i];
        double golden = (double)i * 0.6180339887498949;
        c->phase_ns = (uint64_t)((golden - (double)(uint64_t)golden) * (double)period_ns);
        c->random = 2463534242u + (uint32_t)i * 2654435761u;
        if (!c->random) c->random = 1;
        c->input = i % plan.inputs_count;
        by_phase[i] = c;
    }
    qsort(by_phase, (size_t)clients_count, sizeof *by_phase, by_phase_order);
    if (plan.dump[0] && !(dump_file = fopen(plan.dump, "wb"))) fail("cannot write the dump");
}

/* ---- sending ---- */

static uint32_t next_random(struct client *c) {    /* xorshift32 */
    c->random ^= c->random << 13;
    c->random ^= c->random >> 17;
    c->random ^= c->random << 5;
    return c->random;
}

static void close_client(struct client *c) {
    if (c->stage == CLOSED) return;
    if (c->stage != WAITING && c->stage != JOINED) opening_count--;
    if (c->stage == JOINED) joined_count--;
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->stage = CLOSED;
    closed_count++;
    window.closed++;
}

static bool send_bytes(struct client *c, const uint8_t *bytes, size_t length) {
    if (c->out_length) {
        ssize_t sent = send(c->fd, c->out, c->out_length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            memmove(c->out, c->out + sent, c->out_length - (size_t)sent);
            c->out_length -= (size_t)sent;
        }
        if (c->out_length) return false;
    }
    ssize_t sent = send(c->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
        close_client(c);
        return false;
    }
    if ((size_t)sent < length) {
        c->out = realloc(c->out, length);
        c->out_length = length - (size_t)sent;
        memcpy(c->out, bytes + sent, c->out_length);
    }
    return true;
}

/* One masked frame, RFC 6455 section 5.2. */
static bool send_frame(struct client *c, int opcode, const uint8_t *payload, size_t length) {
    static uint8_t frame[MESSAGE_MAX + 14];
    size_t at = 0;
    if (length > MESSAGE_MAX) fail("a message of the plan is too long");
    frame[at++] = (uint8_t)(0x80 | opcode);
    if (length < 126) frame[at++] = (uint8_t)(0x80 | length);
    else {
        frame[at++] = 0x80 | 126;
        frame[at++] = (uint8_t)(length >> 8);
        frame[at++] = (uint8_t)length;
    }
    uint32_t mask = next_random(c);
    memcpy(frame + at, &mask, 4);
    const uint8_t *key = frame + at;
    at += 4;
    for (size_t i = 0; i < length; i++) frame[at + i] = payload[i] ^ key[i & 3];
    return send_bytes(c, frame, at + length);
}

static void put_le32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_le32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void send_input(struct client *c) {
    static uint8_t payload[MESSAGE_MAX];
    if (c->sequence % TURN_EVERY == 0) c->input = (int)(next_random(c) % (uint32_t)plan.inputs_count);
    const struct message *m = &plan.inputs[c->input];
    uint32_t sequence = c->sequence + 1;
    size_t length = m->length, at = plan.sequence_offset;
    memcpy(payload, m->bytes, length);
    if (plan.sequence == SEQUENCE_LE32) put_le32(payload + at, sequence);
    else if (plan.sequence == SEQUENCE_BE32) {
        uint32_t swapped = htonl(sequence);
        memcpy(payload + at, &swapped, 4);
    } else if (plan.sequence == SEQUENCE_DECIMAL) {
        char digits[12];
        size_t count = (size_t)snprintf(digits, sizeof digits, "%" PRIu32, sequence);
        memcpy(payload + at, digits, count);
        memcpy(payload + at + count, m->bytes + at, length - at);
        length += count;
    }
    if (plan.ack_offset >= 0) put_le32(payload + plan.ack_offset, c->tick);
    if (send_frame(c, m->opcode, payload, length)) {
        c->sequence = sequence;
        window.inputs++;
    } else window.inputs_blocked++;
}

/* ---- receiving ---- */

static bool begins_with(const struct message *prefix, int opcode, const uint8_t *bytes, size_t length) {
    return prefix->opcode == opcode && length >= prefix->length && !memcmp(bytes, prefix->bytes, prefix->length);
}

static uint32_t read_varint(const uint8_t **at, const uint8_t *end) {
    uint32_t value = 0;
    for (int shift = 0; *at < end && shift < 35; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) break;
    }
    return value;
}

static void note_returned(struct client *c, const uint8_t *bytes, size_t length) {
    if (plan.returned == RETURNED_LE32) {
        if (length >= plan.returned_offset + 4) c->returned = get_le32(bytes + plan.returned_offset);
    } else if (plan.returned == RETURNED_GAME) {    /* docs/protocol.md, full and delta */
        const uint8_t *at = bytes + 1, *end = bytes + length;
        if (bytes[0] == 0x11 && length >= 9) {
            c->tick = get_le32(bytes + 1);
            c->returned = get_le32(bytes + 5);
        } else {
            c->tick += read_varint(&at, end);
            c->returned += read_varint(&at, end);
        }
    }
}

static void note_gap(uint64_t gap_ns) {
    uint64_t bucket = gap_ns / GAP_BUCKET_NS;
    window.gaps[bucket < GAP_BUCKETS ? bucket : GAP_BUCKETS - 1]++;
    window.gaps_count++;
    if (gap_ns > window.gap_max_ns) window.gap_max_ns = gap_ns;
}

static void take_state(struct client *c, const uint8_t *bytes, size_t length, size_t wire_bytes, uint64_t now) {
    if (c->stage == OPENING) {
        c->stage = JOINED;
        opening_count--;
        joined_count++;
    }
    note_returned(c, bytes, length);
    if (length < plan.state_bytes_min) window.short_states++;
    else {
        c->frames++;
        window.frames++;
        window.payload_bytes += length;
        window.wire_bytes += wire_bytes;
        window.sizes[length < SIZES_MAX ? length : SIZES_MAX - 1]++;
        if (c->last_state_ns) note_gap(now - c->last_state_ns);
    }
    c->last_state_ns = now;
}

static void take_message(struct client *c, int opcode, const uint8_t *bytes, size_t length, size_t wire_bytes, uint64_t now) {
    if (dump_file && c == clients && opcode < CLOSE) {
        uint64_t since_ns = now - begin_ns;
        uint32_t length_32 = (uint32_t)length;
        uint8_t kind = (uint8_t)opcode;
        fwrite(&since_ns, 8, 1, dump_file);
        fwrite(&length_32, 4, 1, dump_file);
        fwrite(&kind, 1, 1, dump_file);
        fwrite(bytes, 1, length, dump_file);
    }
    if (opcode == PING) {
        send_frame(c, PONG, bytes, length);
        return;
    }
    if (opcode == CLOSE) {
        if (closed_count < 5) {
            int code = length >= 2 ? bytes[0] << 8 | bytes[1] : 0;
            fprintf(stderr, "closed by the server: %d %.*s\n", code, length > 2 ? (int)(length - 2) : 0, (const char *)bytes + 2);
        }
        close_client(c);
        return;
    }
    for (int i = 0; i < plan.states_count; i++)
        if (begins_with(&plan.states[i], opcode, bytes, length)) {
            take_state(c, bytes, length, wire_bytes, now);
            return;
        }
    for (int i = 0; i < plan.replies_count; i++)
        if (begins_with(&plan.replies[i].prefix, opcode, bytes, length)) {
            send_frame(c, plan.replies[i].answer.opcode, plan.replies[i].answer.bytes, plan.replies[i].answer.length);
            return;
        }
    if (opcode != PONG) window.others++;
}

/* Takes the whole frames at the front of the bytes; returns how many bytes it took. Fragments are an error: no peer makes any. */
static size_t take_frames(struct client *c, const uint8_t *bytes, size_t length, uint64_t now) {
    size_t at = 0;
    while (length - at >= 2 && c->stage != CLOSED) {
        const uint8_t *frame = bytes + at;
        size_t left = length - at, header = 2, payload = frame[1] & 0x7f;
        if (!(frame[0] & 0x80) || !(frame[0] & 0x0f) || (frame[1] & 0x80)) fail("a fragmented or masked frame came");
        if (payload == 126) {
            if (left < 4) break;
            payload = (size_t)frame[2] << 8 | frame[3];
            header = 4;
        } else if (payload == 127) {
            if (left < 10) break;
            payload = 0;
            for (int i = 2; i < 10; i++) payload = payload << 8 | frame[i];
            header = 10;
        }
        if (left < header + payload) break;
        take_message(c, frame[0] & 0x0f, frame + header, payload, header + payload, now);
        at += header + payload;
    }
    return at;
}

static size_t take_upgrade(struct client *c, const uint8_t *bytes, size_t length) {
    const uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    if (length < 12 || memcmp(bytes, "HTTP/1.1 101", 12)) {
        if (closed_count < 5) fprintf(stderr, "upgrade refused: %.*s\n", length < 200 ? (int)length : 200, (const char *)bytes);
        close_client(c);
        return length;
    }
    c->stage = OPENING;
    if (c->first.length) send_frame(c, c->first.opcode, c->first.bytes, c->first.length);
    return (size_t)(end - bytes) + 4;
}

static void keep_rest(struct client *c, const uint8_t *bytes, size_t length) {
    if (length > c->in_capacity) {
        c->in_capacity = length * 2;
        c->in = realloc(c->in, c->in_capacity);
    }
    memmove(c->in, bytes, length);
    c->in_length = length;
}

static void read_client(struct client *c) {
    memcpy(read_buffer, c->in, c->in_length);
    size_t room = READ_BYTES - c->in_length;
    ssize_t got = recv(c->fd, read_buffer + c->in_length, room, MSG_DONTWAIT);
    window.reads++;
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) close_client(c);
        return;
    }
    if ((size_t)got == room) fail("more arrived at once than the generator's buffer holds");    /* edge-triggered: read it all */
    uint64_t now = now_ns();
    size_t length = c->in_length + (size_t)got, at = 0;
    c->in_length = 0;
    if (c->stage == UPGRADING) at = take_upgrade(c, read_buffer, length);
    if (c->stage == OPENING || c->stage == JOINED) at += take_frames(c, read_buffer + at, length - at, now);
    if (c->stage != CLOSED && at < length) {
        keep_rest(c, read_buffer + at, length - at);
    }
}

/* ---- opening ---- */

static void open_client(struct client *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan.port)};
    inet_pton(AF_INET, plan.host, &address.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) fail("no more sockets: raise the limit of open files");
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->stage = CONNECTING;
    opening_count++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        close_client(c);
        return;
    }
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void finish_connecting(struct client *c) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        close_client(c);
        return;
    }
    static char request[4096];
    char protocol[128] = "";
    if (plan.subprotocol[0]) snprintf(protocol, sizeof protocol, "Sec-WebSocket-Protocol: %s\r\n", plan.subprotocol);
    int length = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        c->path, plan.host, plan.port, protocol);
    c->stage = UPGRADING;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
    send_bytes(c, (uint8_t *)request, (size_t)length);
}

/* ---- windows ---- */

static void start_window(void) {
    memset(&window, 0, sizeof window);
    for (int i = 0; i < clients_count; i++) clients[i].frames = 0;
    window.open = true;
    window.start_ns = now_ns();
    window.cpu_start_s = cpu_s();
    printf("{\"event\":\"started\"}\n");
    fflush(stdout);
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double gap_percentile_ms(double share) {
    uint64_t below = (uint64_t)(share * (double)window.gaps_count), seen = 0;
    for (int i = 0; i < GAP_BUCKETS; i++)
        if ((seen += window.gaps[i]) > below) return ((double)i + 0.5) * GAP_BUCKET_NS / 1e6;
    return (double)window.gap_max_ns / 1e6;
}

static int median_size(void) {
    uint64_t seen = 0;
    for (int i = 0; i < SIZES_MAX; i++)
        if ((seen += window.sizes[i]) * 2 >= window.frames && seen) return i;
    return 0;
}

static void stop_window(void) {
    uint64_t now = now_ns();
    double seconds = (double)(now - window.start_ns) / 1e9, cpu_share = (cpu_s() - window.cpu_start_s) / seconds;
    uint64_t period_ns = 1000000000u / (uint64_t)plan.rate;
    uint32_t *frames = malloc(sizeof *frames * (size_t)clients_count), lag_max = 0, behind;
    int returning = 0;
    for (int i = 0; i < clients_count; i++) {
        struct client *c = &clients[i];
        frames[i] = c->frames;
        /* A starved client has a gap that has not ended yet. */
        if (c->last_state_ns && now - c->last_state_ns > 2 * period_ns) note_gap(now - c->last_state_ns);
        returning += c->returned > 0;
        behind = c->sequence - c->returned;
        if (c->stage == JOINED && c->returned && behind > lag_max) lag_max = behind;
    }
    qsort(frames, (size_t)clients_count, sizeof *frames, by_number);
    printf("{\"event\":\"result\",\"clients\":%d,\"joined\":%d,\"closed\":%" PRIu64 ",\"seconds\":%.6f,\"frames\":%" PRIu64
           ",\"frames_a_client\":{\"min\":%u,\"p1\":%u,\"p50\":%u,\"max\":%u},\"payload_bytes\":%" PRIu64
           ",\"wire_bytes\":%" PRIu64 ",\"size_p50\":%d,\"gap_ms\":{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f}"
           ",\"inputs\":%" PRIu64 ",\"inputs_blocked\":%" PRIu64 ",\"inputs_late\":%" PRIu64 ",\"others\":%" PRIu64
           ",\"short_states\":%" PRIu64 ",\"returning\":%d,\"return_lag_max\":%u,\"reads\":%" PRIu64 ",\"cpu_share\":%.4f}\n",
           clients_count, joined_count, window.closed, seconds, window.frames, frames[0], frames[clients_count / 100],
           frames[clients_count / 2], frames[clients_count - 1], window.payload_bytes, window.wire_bytes, median_size(),
           gap_percentile_ms(0.5), gap_percentile_ms(0.9), gap_percentile_ms(0.99), (double)window.gap_max_ns / 1e6,
           window.inputs, window.inputs_blocked, window.late_over_5ms, window.others, window.short_states, returning, lag_max,
           window.reads, cpu_share);
    fflush(stdout);
    if (dump_file) fflush(dump_file);
    free(frames);
    window.open = false;
}

static bool take_command(void) {
    char line[64];
    if (!fgets(line, sizeof line, stdin)) return false;
    if (!strncmp(line, "start", 5)) start_window();
    else if (!strncmp(line, "stop", 4)) stop_window();
    return true;
}

/* ---- the loop ----
 *
 * It sleeps on the clock, not in epoll_wait: a client's machine wakes up at its own cost, so the server should not pay for waking this
 * process at each message, and messages come in batches that cost this process less.
 */

static void sleep_until(uint64_t when_ns) {
    struct timespec t = {.tv_sec = (time_t)(when_ns / 1000000000u), .tv_nsec = (long)(when_ns % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void send_due_inputs(void) {
    static uint64_t cycle;
    static int position;
    uint64_t now = now_ns(), period_ns = 1000000000u / (uint64_t)plan.rate;
    if (now - begin_ns > (cycle + 2) * period_ns) {    /* this process itself was held up: let go of what is past */
        cycle = (now - begin_ns) / period_ns - 1;
        window.late_over_5ms++;
    }
    for (;;) {
        struct client *c = by_phase[position];
        uint64_t due = begin_ns + cycle * period_ns + c->phase_ns;
        if (due > now) return;
        if (c->stage == JOINED) {
            if (now - due > 5000000) window.late_over_5ms++;
            send_input(c);
        }
        if (++position == clients_count) {
            position = 0;
            cycle++;
        }
    }
}

static void open_more(void) {
    while (opening_count < plan.connecting_max && next_to_open < clients_count) open_client(&clients[next_to_open++]);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: generator PLAN\n");
        return 2;
    }
    setvbuf(stdin, NULL, _IONBF, 0);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    read_plan(argv[1]);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    begin_ns = now_ns();
    bool announced = false;
    static struct epoll_event events[EVENTS_MAX];
    for (;;) {
        open_more();
        send_due_inputs();
        int count = epoll_wait(poll_fd, events, EVENTS_MAX, 0);
        if (count < EVENTS_MAX) sleep_until((now_ns() / ROUND_NS + 1) * ROUND_NS);
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (!c) {
                if (!take_command()) return 0;
            } else if (c->stage == CONNECTING) {
                if (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) finish_connecting(c);
            } else if (c->stage != CLOSED) read_client(c);
        }
        if (announced) continue;
        if (joined_count + closed_count == clients_count) {
            announced = true;
            printf("{\"event\":\"joined\",\"joined\":%d,\"closed\":%d,\"seconds\":%.3f}\n", joined_count, closed_count,
                   (double)(now_ns() - begin_ns) / 1e9);
            fflush(stdout);
        } else if (now_ns() - begin_ns > (uint64_t)plan.join_timeout_s * 1000000000u) fail("not all clients joined in time");
    }
}
