/*
 * What Kubernetes runs inside somebody else's container: hooks that need a program, where the image may have none, not
 * even a shell. Linked statically, so that it runs in any image; an init container puts it there.
 *
 *   bolina-hook install DIR             copies itself into DIR, and bolina-envoy if it lies beside it
 *   bolina-hook keep FILE TO            copies FILE to TO, all at once, and stays until it is told to end: a container whose
 *                                       image is changed in a running pod brings another FILE
 *   bolina-hook started                 0 once the server beside the agent has been open to clients: a startup probe
 *   bolina-hook drain SECONDS           tells the agent to drain, and waits until it has: a preStop hook of the server
 *   bolina-hook empty PORT SECONDS      tells an Envoy to call itself unhealthy (its /ready answers 503), and waits until
 *                                       its last UDP session has ended: a preStop hook of Envoy
 *
 * None waits longer than SECONDS. The agent is asked on the Unix socket BOLINA_AGENT_SOCKET if there is one, else on 127.0.0.1:7070
 * (or BOLINA_AGENT_PORT); Envoy's admin page on PORT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A connection to a port of this host, or to a Unix socket; -1 if nobody is there. */
static int connected(int port, const char *path) {
  struct sockaddr_in at = {0};
  struct sockaddr_un local = {0};
  int s = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  if (s < 0) return -1;
  at.sin_family = AF_INET;
  at.sin_port = htons((uint16_t)port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  local.sun_family = AF_UNIX;
  if (path) snprintf(local.sun_path, sizeof local.sun_path, "%s", path);
  const struct sockaddr *to = path ? (const struct sockaddr *)&local : (const struct sockaddr *)&at;
  if (connect(s, to, path ? sizeof local : sizeof at) == 0) return s;
  close(s);
  return -1;
}

/* Asks by HTTP, and returns the status, or 0 if nobody answers. The answer, headers and all, is in `answer`. */
static int ask_on(int s, const char *method, const char *path, char *answer, size_t size) {
  struct timeval patience = {15, 0};
  char request[256];
  size_t had = 0;
  int status = 0;
  answer[0] = 0;
  if (s < 0) return 0;
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int length = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method, path);
  if (send(s, request, (size_t)length, MSG_NOSIGNAL) == length) {
    for (ssize_t n; had + 1 < size && (n = recv(s, answer + had, size - 1 - had, 0)) > 0;) had += (size_t)n;
    answer[had] = 0;
    if (sscanf(answer, "HTTP/1.%*d %d", &status) != 1) status = 0;
  }
  close(s);
  return status;
}

static int ask(int port, const char *method, const char *path, char *answer, size_t size) {
  return ask_on(connected(port, NULL), method, path, answer, size);
}

/* An agent of an earlier version has no socket. */
static int ask_agent(const char *method, const char *path, char *answer, size_t size) {
  const char *port = getenv("BOLINA_AGENT_PORT"), *file = getenv("BOLINA_AGENT_SOCKET");
  int s = file && *file ? connected(0, file) : -1;
  return ask_on(s >= 0 ? s : connected(port ? atoi(port) : 7070, NULL), method, path, answer, size);
}

static int started(void) {
  static char answer[4096];
  int status = ask_agent("GET", "/startedz", answer, sizeof answer);
  const char *body = strstr(answer, "\r\n\r\n");
  if (status == 200) return 0;
  fprintf(stderr, "not started: %s\n", body ? body + 4 : "the agent does not answer");
  return 1;
}

/* An agent that cannot be reached is no reason to stop a server that may have sessions: wait until the time is over. */
static int drain(double seconds) {
  static char answer[4096];
  const double end = now() + seconds;
  int draining = 0;
  while (now() < end) {
    if (!draining) draining = ask_agent("PUT", "/v1/drain", answer, sizeof answer) / 100 == 2;
    if (draining) {
      int status = ask_agent("GET", "/v1/drained", answer, sizeof answer);
      if (status == 200) return 0;
      if (status == 0) draining = 0; /* it may be a new agent by the time it answers */
    }
    usleep(200 * 1000);
  }
  fprintf(stderr, "not drained within %.0f s: %s\n", seconds, draining ? "there are sessions left" : "the agent does not answer");
  return 1;
}

static int empty(int port, double seconds) {
  static char answer[1 << 16];
  const double end = now() + seconds;
  long sessions = -1;
  int status = ask(port, "POST", "/healthcheck/fail", answer, sizeof answer);
  while (status != 0 && now() < end) {
    sessions = 0;
    if (ask(port, "GET", "/stats?filter=downstream_sess_active", answer, sizeof answer) == 200)
      for (char *line = answer; (line = strstr(line, "downstream_sess_active: ")) != NULL; line += 24) sessions += atol(line + 24);
    if (sessions == 0) return 0;
    usleep(500 * 1000);
  }
  fprintf(stderr, status == 0 ? "Envoy does not answer on port %d\n" : "not empty yet on port %d\n", port);
  return 1;
}

/* Whoever has the old one open goes on with it. */
static int copy(int from, const char *whole) {
  static char block[1 << 16];
  char part[4096];
  snprintf(part, sizeof part, "%s.part", whole);
  int to = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  ssize_t n = 0;
  while (from >= 0 && to >= 0 && (n = read(from, block, sizeof block)) > 0)
    if (write(to, block, (size_t)n) != n) n = -1;
  if (from < 0 || to < 0 || n < 0 || fchmod(to, 0755) != 0 || close(to) != 0 || rename(part, whole) != 0) {
    fprintf(stderr, "cannot write %s: %s\n", whole, strerror(errno));
    return 1;
  }
  close(from);
  return 0;
}

static int install(const char *self, const char *directory) {
  char whole[4096], beside[4096] = "";
  int from = open("/proc/self/exe", O_RDONLY);
  if (from < 0) from = open(self, O_RDONLY);
  snprintf(whole, sizeof whole, "%s/bolina-hook", directory);
  if (copy(from, whole) != 0) return 1;
  ssize_t length = readlink("/proc/self/exe", beside, sizeof beside - sizeof "bolina-envoy");
  char *name = length > 0 ? strrchr(beside, '/') : NULL;
  if (!name) return 0;
  strcpy(name + 1, "bolina-envoy");
  from = open(beside, O_RDONLY);
  if (from < 0) return 0; /* not of the image */
  snprintf(whole, sizeof whole, "%s/bolina-envoy", directory);
  return copy(from, whole);
}

static void end_quietly(int number) {
  (void)number;
  _exit(0);
}

/* A container that was only restarted brings nothing new, and Envoy need not be restarted for it. */
static int is_same(int from, const char *file) {
  static char one[1 << 16], other[1 << 16];
  int with = open(file, O_RDONLY), same = with >= 0;
  for (off_t at = 0; same;) {
    ssize_t n = pread(from, one, sizeof one, at), m = with >= 0 ? pread(with, other, sizeof other, at) : -1;
    same = n == m && n >= 0 && memcmp(one, other, (size_t)n) == 0;
    if (n <= 0) break;
    at += n;
  }
  if (with >= 0) close(with);
  return same;
}

static int keep(const char *file, const char *to) {
  signal(SIGTERM, end_quietly);
  signal(SIGINT, end_quietly);
  int from = open(file, O_RDONLY);
  if (from < 0) {
    fprintf(stderr, "cannot read %s: %s\n", file, strerror(errno));
    return 1;
  }
  if (!is_same(from, to) && copy(from, to) != 0) return 1;
  for (;;) pause();
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "install") == 0 && argc == 3) return install(argv[0], argv[2]);
  if (strcmp(verb, "started") == 0 && argc == 2) return started();
  if (strcmp(verb, "drain") == 0 && argc == 3) return drain(atof(argv[2]));
  if (strcmp(verb, "empty") == 0 && argc == 4) return empty(atoi(argv[2]), atof(argv[3]));
  if (strcmp(verb, "keep") == 0 && argc == 4) return keep(argv[2], argv[3]);
  fprintf(stderr, "usage: bolina-hook install DIR | keep FILE TO | started | drain SECONDS | empty PORT SECONDS\n");
  return 2;
}
