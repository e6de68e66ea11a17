// A closed loop of HTTP requests that counts every failure.
//   load HOST:PORT|unix:PATH keepalive|close CONNECTIONS [RATE [TARGET]]
// Each connection asks, waits for the whole response, and asks again; with RATE (0: none) so many
// times a second in all. "begun" is printed with the first response. SIGINT: what is under way is
// finished, then one line of JSON says how it was.
// A connection that the server ends between two requests, or announced to end (`Connection:
// close`), is no failure; one that ends after a request was sent and before its response is whole,
// is one. Answers with `X-Pid: N` are counted by N.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, HEAD_MAX = 8192, FAILURES_LISTED = 2000, PIDS_MAX = 512 };
enum kind { CONNECT, BEFORE_RESPONSE, MID_RESPONSE, TIMEOUT, STATUS, KINDS };
static const char* const kind_names[KINDS] = {"connect", "before_response", "mid_response",
                                              "timeout", "status"};
static const double timeout_s = 10;
static const double pause_s = 0.01;  // after a connection that could not be made

enum state { RESTS, CONNECTING, IDLE, WAITS };  // WAITS: for a response
enum body { BY_LENGTH, CHUNKED, TO_END };

struct connection {
  int fd;
  enum state state;
  double next;   // when the next request is due
  double begun;  // the request, its connecting included
  int port;      // our own
  char head[HEAD_MAX];
  size_t head_size;  // 0: nothing has come yet
  bool in_body;
  enum body body;
  long left;      // of the body, or of a chunk
  char line[32];  // of a chunk's size
  size_t line_size;
  int chunk;  // 0: size line, 1: data, 2: the end of data, 3: after the last one
  int status;
  bool server_ends;
};

static struct connection connections[CONNECTIONS_MAX];
static struct sockaddr_storage address;
static socklen_t address_size;
static char request[1024];
static size_t request_size;
static bool ends;  // a connection for each request
static int epoll;
static volatile sig_atomic_t stops;

static long requests, opened, ended_idle, failed[KINDS], listed;
static struct {
  enum kind kind;
  double time;
  int port, status;
} failures[FAILURES_LISTED];
static struct {
  int pid;
  long count;
  double last;
} pids[PIDS_MAX];
static uint32_t* latencies;  // microseconds
static size_t latency_count, latency_room;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_signal(int number) {
  (void)number;
  stops = 1;
}

static void watch(struct connection* c, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void drop(struct connection* c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  c->state = RESTS;
}

static void fail(struct connection* c, enum kind kind, double at) {
  if (listed < FAILURES_LISTED) {
    failures[listed].kind = kind;
    failures[listed].time = at;
    failures[listed].port = c->port;
    failures[listed++].status = c->status;
  }
  ++failed[kind];
  drop(c);
  if (kind == CONNECT && c->next < at + pause_s) c->next = at + pause_s;
}

static void learn_port(struct connection* c) {
  struct sockaddr_in6 own;
  socklen_t size = sizeof own;
  c->port = 0;
  if (address.ss_family != AF_UNIX && getsockname(c->fd, (struct sockaddr*)&own, &size) == 0)
    c->port = ntohs(own.sin6_port);  // at the same place for IPv4
}

// Counted as it is sent, or as it fails before.
static void begin(struct connection* c, double at) {
  ++requests;
  c->begun = at;
  c->head_size = 0;
  c->in_body = false;
  c->status = 0;
}

static void send_request(struct connection* c, double at) {
  c->state = WAITS;
  watch(c, EPOLLIN);
  if (send(c->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
    fail(c, BEFORE_RESPONSE, at);
}

static void open_connection(struct connection* c, double at) {
  begin(c, at);
  c->port = 0;
  c->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) {
    perror("load: socket");
    exit(2);
  }
  const int one = 1;
  if (address.ss_family != AF_UNIX) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
  ++opened;
  if (connect(c->fd, (struct sockaddr*)&address, address_size) == 0) {
    learn_port(c);
    send_request(c, at);
    return;
  }
  if (errno == EINPROGRESS) {
    learn_port(c);
    c->state = CONNECTING;
    return;
  }
  // A unix socket whose queue is full says EAGAIN: there is no waiting for it but to try again.
  if (errno == EAGAIN) {
    --requests;
    --opened;
    drop(c);
    c->next = at + 0.001;
    return;
  }
  fail(c, CONNECT, at);
}

// A request is due: on a connection that is there, or a new one.
static void start(struct connection* c, double at) {
  if (c->state == IDLE) {
    char byte;
    const ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) {
      begin(c, at);
      send_request(c, at);
      return;
    }
    ++ended_idle;
    drop(c);
  }
  open_connection(c, at);
}

static void count_pid(const char* head, double at) {
  const char* found = strcasestr(head, "\r\nx-pid:");
  if (found == NULL) return;
  found += 8;
  found += strcspn(found, "0123456789\r");
  const int pid = atoi(found);
  for (int i = 0; i < PIDS_MAX; ++i) {
    if (pids[i].pid != 0 && pids[i].pid != pid) continue;
    pids[i].pid = pid;
    ++pids[i].count;
    pids[i].last = at;
    return;
  }
}

static void finish(struct connection* c, double at, double interval) {
  if (latency_count == latency_room) {
    latency_room = latency_room == 0 ? 1 << 16 : latency_room * 2;
    latencies = realloc(latencies, latency_room * sizeof *latencies);
    if (latencies == NULL) exit(2);
  }
  if (latency_count == 0) {
    puts("begun");
    fflush(stdout);
  }
  latencies[latency_count++] = (uint32_t)((at - c->begun) * 1e6);
  count_pid(c->head, at);
  c->next = interval == 0 ? at : c->next + interval;
  if (c->next < at - 1) c->next = at;  // no burst after a stall
  if (c->status < 200 || c->status > 299) {
    fail(c, STATUS, at);
  } else if (ends || c->server_ends) {
    drop(c);
  } else {
    c->state = IDLE;
    watch(c, EPOLLIN | EPOLLRDHUP);
  }
}

static void read_head(struct connection* c) {
  c->in_body = true;
  c->status = atoi(c->head + strcspn(c->head, " "));
  c->server_ends = strcasestr(c->head, "\r\nconnection: close") != NULL;
  const char* length = strcasestr(c->head, "\r\ncontent-length:");
  c->line_size = 0;
  c->chunk = 0;
  c->left = 0;
  if (length != NULL) {
    c->body = BY_LENGTH;
    c->left = atol(length + 17);
  } else if (strcasestr(c->head, "\r\ntransfer-encoding: chunked") != NULL) {
    c->body = CHUNKED;
  } else if (c->status == 204 || c->status == 304) {
    c->body = BY_LENGTH;
  } else {
    c->body = TO_END;
    c->server_ends = true;
  }
}

// True when the last chunk and its end are there.
static bool read_chunks(struct connection* c, const char* data, size_t size) {
  while (size > 0) {
    if (c->chunk == 1) {
      const size_t n = (long)size < c->left ? size : (size_t)c->left;
      data += n;
      size -= n;
      c->left -= (long)n;
      if (c->left == 0) c->chunk = 2;
      continue;
    }
    const char byte = *data++;
    --size;
    if (byte != '\n') {
      if (c->line_size < sizeof c->line - 1) c->line[c->line_size++] = byte;
      continue;
    }
    c->line[c->line_size] = '\0';
    c->line_size = 0;
    if (c->chunk == 0) {
      c->left = strtol(c->line, NULL, 16);
      c->chunk = c->left > 0 ? 1 : 3;
    } else if (c->chunk == 2) {
      c->chunk = 0;
    } else if (c->line[0] == '\r') {
      return true;
    }
  }
  return false;
}

static bool read_body(struct connection* c, const char* data, size_t size) {
  if (c->body == CHUNKED) return read_chunks(c, data, size);
  c->left -= (long)size;
  return c->body == BY_LENGTH && c->left <= 0;
}

// True when the response is whole.
static bool take(struct connection* c, const char* data, size_t size) {
  if (c->in_body) return read_body(c, data, size);
  size_t n = HEAD_MAX - 1 - c->head_size;
  if (n > size) n = size;
  memcpy(c->head + c->head_size, data, n);
  const size_t before = c->head_size;
  c->head_size += n;
  c->head[c->head_size] = '\0';
  char* end = strstr(c->head, "\r\n\r\n");
  if (end == NULL) return false;
  end[2] = '\0';
  read_head(c);
  const size_t used = (size_t)(end - c->head) + 4 - before;
  return read_body(c, data + used, size - used);
}

static void receive(struct connection* c, double at, double interval) {
  char buffer[1 << 16];
  const ssize_t n = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) {
    if (take(c, buffer, (size_t)n)) finish(c, at, interval);
  } else if (n == 0 && c->in_body && c->body == TO_END) {
    finish(c, at, interval);
  } else {
    fail(c, c->head_size > 0 ? MID_RESPONSE : BEFORE_RESPONSE, at);
  }
}

static void on_event(struct connection* c, double at, double interval) {
  if (c->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      fail(c, CONNECT, at);
    } else {
      learn_port(c);
      send_request(c, at);
    }
  } else if (c->state == WAITS) {
    receive(c, at, interval);
  } else if (c->state == IDLE) {
    ++ended_idle;
    drop(c);
  }
}

static void run(int count, double rate) {
  const double interval = rate > 0 ? count / rate : 0;
  const double first = now();
  for (int i = 0; i < count; ++i) {
    connections[i].fd = -1;
    connections[i].next = rate > 0 ? first + i / rate : first;
  }
  for (;;) {
    double at = now();
    double wake = at + 0.1;
    int under_way = 0;
    for (int i = 0; i < count; ++i) {
      struct connection* c = &connections[i];
      const bool busy = c->state == CONNECTING || c->state == WAITS;
      if (busy && at - c->begun > timeout_s) fail(c, TIMEOUT, at);
      if (!stops && (c->state == RESTS || c->state == IDLE)) {
        if (c->next <= at)
          start(c, at);
        else if (c->next < wake)
          wake = c->next;
      }
      if (c->state == CONNECTING || c->state == WAITS) ++under_way;
    }
    if (stops && under_way == 0) return;
    struct epoll_event events[256];
    const double wait = (wake - at) * 1000;
    const int n = epoll_wait(epoll, events, 256, (int)wait + 1);
    at = now();
    for (int i = 0; i < n; ++i)
      on_event(events[i].data.ptr, at, interval);
  }
}

static int by_size(const void* a, const void* b) {
  const uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
  return (x > y) - (x < y);
}

static double part(double share) {
  if (latency_count == 0) return 0;
  const size_t at = (size_t)(share * (double)latency_count);
  return latencies[at < latency_count ? at : latency_count - 1] / 1e3;
}

static void report(double seconds) {
  qsort(latencies, latency_count, sizeof *latencies, by_size);
  long all = 0;
  for (int i = 0; i < KINDS; ++i)
    all += failed[i];
  printf("{\"requests\": %ld, \"failed\": %ld", requests, all);
  for (int i = 0; i < KINDS; ++i)
    printf(", \"%s\": %ld", kind_names[i], failed[i]);
  printf(", \"connections\": %ld, \"ended_idle\": %ld, \"seconds\": %.3f", opened, ended_idle,
         seconds);
  printf(", \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"pids\": {", part(0.5),
         part(0.99), part(1));
  for (int i = 0; i < PIDS_MAX && pids[i].pid != 0; ++i)
    printf("%s\"%d\": {\"count\": %ld, \"last\": %.6f}", i > 0 ? ", " : "", pids[i].pid,
           pids[i].count, pids[i].last);
  printf("}, \"failures\": [");
  for (long i = 0; i < listed; ++i)
    printf("%s{\"kind\": \"%s\", \"time\": %.6f, \"port\": %d, \"status\": %d}", i > 0 ? ", " : "",
           kind_names[failures[i].kind], failures[i].time, failures[i].port, failures[i].status);
  printf("]}\n");
}

static bool parse_address(const char* text) {
  if (strncmp(text, "unix:", 5) == 0) {
    struct sockaddr_un* un = (struct sockaddr_un*)&address;
    un->sun_family = AF_UNIX;
    address_size = sizeof *un;
    return strlen(text + 5) < sizeof un->sun_path && strcpy(un->sun_path, text + 5) != NULL;
  }
  char host[64];
  const char* colon = strrchr(text, ':');
  if (colon == NULL || (size_t)(colon - text) >= sizeof host) return false;
  const bool brackets = text[0] == '[';
  snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2 * brackets, text + brackets);
  if (brackets) {
    struct sockaddr_in6* in6 = (struct sockaddr_in6*)&address;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)atoi(colon + 1));
    address_size = sizeof *in6;
    return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1;
  }
  struct sockaddr_in* in = (struct sockaddr_in*)&address;
  in->sin_family = AF_INET;
  in->sin_port = htons((uint16_t)atoi(colon + 1));
  address_size = sizeof *in;
  return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

int main(int argc, char** argv) {
  const int count = argc > 3 ? atoi(argv[3]) : 0;
  ends = argc > 2 && strcmp(argv[2], "close") == 0;
  if (argc < 4 || argc > 6 || count < 1 || count > CONNECTIONS_MAX || !parse_address(argv[1]) ||
      (!ends && strcmp(argv[2], "keepalive") != 0)) {
    fputs("usage: load HOST:PORT|unix:PATH keepalive|close CONNECTIONS [RATE [TARGET]]\n", stderr);
    return 2;
  }
  request_size =
      (size_t)snprintf(request, sizeof request, "GET %.512s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                       argc > 5 ? argv[5] : "/", ends ? "Connection: close\r\n" : "");
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  const double begun = now();
  run(count, argc > 4 ? atof(argv[4]) : 0);
  report(now() - begun);
  return 0;
}
