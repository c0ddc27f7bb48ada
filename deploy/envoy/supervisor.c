/*
 * Runs Envoy so that it can be replaced without its clients noticing, by Envoy's hot restart: a new one starts beside the
 * old one, and takes its sockets and clients over within seconds. Linked statically, so that it runs in any image.
 *
 *   bolina-envoy [--watch FILE]... -- ENVOY ARGUMENTS...   without --base-id, --restart-epoch, --drain-time-s,
 *                                                          --parent-shutdown-time-s and --config-yaml
 *   bolina-envoy reload                                    asks the running one for a restart, waits, and says how it went
 *
 * SIGHUP   restarts: configuration, module and Envoy itself are read anew; so does a change of a watched file, a second
 *          after the last one. While an Envoy still hands over, the restart is done afterwards. If the new Envoy does not
 *          become ready, the old one goes on.
 * SIGTERM  ends all. SIGUSR1 has Envoy reopen its logs.
 * Ends when its Envoy ends by itself, with its status.
 *
 * ENVOY_BASE_ID (10)          must differ between the Envoys of one network namespace
 * ENVOY_HAND_OVER_S (10)      seconds for which an Envoy that is replaced keeps its clients
 * ENVOY_READY_WITHIN_S (60)   seconds within which a new one must be ready
 * ENVOY_SUPERVISOR_DIR        where its state is kept (RUNTIME_DIRECTORY, else /tmp)
 *
 * Why it does what it does, as measured on Envoy 1.40 (docs/hot-restart.md):
 *  - An Envoy that dies while it starts leaves its mark in the shared memory, and no later one would ever start.
 *  - Envoys that hand over depend on each other: if one dies, the other aborts some ten seconds later. Both are replaced
 *    by a fresh one at once.
 *  - An Envoy asks for SIGTERM when its parent process dies, so all must be children of this very process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where the mark of a starting Envoy stands in the shared memory, of this layout. */
#define LAYOUT "11.104"
#define MARK 96

#define WATCHED 8

static volatile sig_atomic_t asked_reload, asked_end, asked_reopen;

static long base_id, hand_over, ready_within;
static char state_file[512], shm_file[64];
static char **envoy;               /* the program and its arguments */
static int envoy_words;
static const char *watched[WATCHED];
static struct stat seen[WATCHED];
static int watches;
static long attempts;

/* The Envoy that takes new clients; the one that hands over to it; both 0 if there is none. */
static pid_t newest, parent;
static long epoch;
static double handed_at;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  fprintf(stderr, "bolina-envoy: %s\n", line);
}

/* For `reload`: how many restarts were tried, and how the last one went. */
static void tell(const char *how) {
  char aside[600];
  snprintf(aside, sizeof aside, "%s.new", state_file);
  FILE *f = fopen(aside, "we");
  if (!f) return;
  fprintf(f, "%d %ld %s\n", (int)getpid(), attempts, how);
  if (fclose(f) == 0) rename(aside, state_file);
}

static void on_signal(int number) {
  if (number == SIGHUP) asked_reload = 1;
  else if (number == SIGUSR1) asked_reopen = 1;
  else if (number != SIGCHLD) asked_end = 1;
}

/* A signal, the end of a child among them, ends the wait: they are blocked elsewhere. */
static void pause_for(double seconds) {
  sigset_t none;
  struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  sigemptyset(&none);
  pselect(0, NULL, NULL, NULL, &t, &none);
}

/* Whether a child has ended; it is gone then, and its status is told as shells do. */
static int ended(pid_t *child, int *status) {
  int raw = 0;
  if (*child == 0 || waitpid(*child, &raw, WNOHANG) != *child) return 0;
  *status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
  *child = 0;
  return 1;
}

static void kill_now(pid_t *child) {
  if (*child == 0) return;
  kill(*child, SIGKILL);
  waitpid(*child, NULL, 0);
  *child = 0;
}

/* The word in the shared memory that an Envoy sets while it starts; -1 if it cannot be read. */
static int starting(int clear) {
  uint64_t word = 0;
  int result = -1;
  int f = open(shm_file, (clear ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
  if (f < 0) return -1;
  if (pread(f, &word, sizeof word, MARK) == sizeof word) {
    result = word == 1;
    word = 0;
    if (clear && pwrite(f, &word, sizeof word, MARK) != sizeof word) result = -1;
  }
  close(f);
  return result;
}

static pid_t run(char **words, const char *output) {
  pid_t child = fork();
  if (child != 0) return child < 0 ? 0 : child;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (output) {
    int f = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (f >= 0) dup2(f, 1), dup2(f, 2);
  }
  execvp(words[0], words);
  fprintf(stderr, "bolina-envoy: cannot run %s: %s\n", words[0], strerror(errno));
  _exit(127);
}

static pid_t start_envoy(long of_epoch) {
  char base[32], number[32], drain[32], shutdown[32], node[96];
  char **words = calloc((size_t)envoy_words + 16, sizeof *words);
  int n = envoy_words;
  if (!words) return 0;
  memcpy(words, envoy, (size_t)n * sizeof *words);
  snprintf(base, sizeof base, "%ld", base_id);
  snprintf(number, sizeof number, "%ld", of_epoch);
  snprintf(drain, sizeof drain, "%ld", hand_over > 1 ? hand_over - 1 : 1);
  snprintf(shutdown, sizeof shutdown, "%ld", hand_over);
  /* The control plane tells parent from child by it. */
  snprintf(node, sizeof node, "node: {metadata: {bolina.restart-epoch: \"%ld\"}}", of_epoch);
  const char *more[] = {"--base-id", base, "--restart-epoch", number, "--drain-time-s", drain,
                        "--parent-shutdown-time-s", shutdown, "--skip-hot-restart-parent-stats", "--config-yaml", node};
  for (size_t i = 0; i < sizeof more / sizeof *more; i++) words[n++] = (char *)more[i];
  pid_t child = run(words, NULL);
  free(words);
  return child;
}

/* Everything anew, without a word to whatever ran before. */
static void fresh(void) {
  kill_now(&newest);
  kill_now(&parent);
  epoch = 0;
  newest = start_envoy(0);
}

static void refuse(const char *why) {
  say("restart failed; the running Envoy goes on: epoch=%ld reason=\"%s\"", epoch, why);
  if (starting(0) == 1) starting(1);
  attempts++;
  char how[700];
  snprintf(how, sizeof how, "failed: %s", why);
  tell(how);
}

static int has_layout(void) {
  char *words[] = {envoy[0], (char *)"--hot-restart-version", NULL};
  char file[600], text[64] = "";
  int status = 1;
  snprintf(file, sizeof file, "%s.version", state_file);
  pid_t child = run(words, file);
  while (child && !ended(&child, &status)) pause_for(0.05);
  FILE *f = fopen(file, "re");
  if (f) {
    if (!fgets(text, sizeof text, f)) text[0] = 0;
    fclose(f);
  }
  unlink(file);
  return status == 0 && strncmp(text, LAYOUT, strlen(LAYOUT)) == 0;
}

/* Whether Envoy takes its configuration; else the last lines of what it says are shown. */
static int is_valid(void) {
  char base[32], file[600];
  char **words = calloc((size_t)envoy_words + 8, sizeof *words);
  int n = envoy_words, status = 1;
  if (!words) return 0;
  memcpy(words, envoy, (size_t)n * sizeof *words);
  snprintf(base, sizeof base, "%ld", base_id + 1);
  words[n++] = (char *)"--mode", words[n++] = (char *)"validate", words[n++] = (char *)"--base-id", words[n++] = base;
  snprintf(file, sizeof file, "%s.check", state_file);
  pid_t child = run(words, file);
  free(words);
  const double until = now() + (double)ready_within;
  while (child && !ended(&child, &status)) {
    pause_for(0.05);
    if (asked_end || now() > until) kill_now(&child);
  }
  if (status != 0) {
    char line[1000];
    FILE *f = fopen(file, "re");
    while (f && fgets(line, sizeof line, f))
      if (strstr(line, "[critical]") || strstr(line, "rror")) fputs(line, stderr);
    if (f) fclose(f);
  }
  unlink(file);
  return status == 0;
}

static void restart(void) {
  char why[200];
  int status = 0, marked = 0;
  if (!has_layout()) {
    refuse("its hot restart version is not " LAYOUT);
    return;
  }
  if (!is_valid()) {
    refuse("its configuration is invalid, see above");
    return;
  }
  pid_t child = start_envoy(epoch + 1);
  const double until = now() + (double)ready_within;
  while (child) {
    pause_for(0.02);
    if (asked_end) {
      kill_now(&child);
      return;
    }
    int mark = starting(0);
    if (ended(&child, &status)) {
      snprintf(why, sizeof why, "the new one ended with %d", status);
      if (marked && mark == 0) { /* it was ready, and the old one hands over to nobody */
        attempts++;
        tell("failed: the new one ended when it was ready");
        say("%s when it was ready; starting afresh: epoch=0", why);
        fresh();
      } else {
        refuse(why);
      }
    } else if (mark == 1) {
      marked = 1;
    } else if (marked && mark == 0) {
      parent = newest, newest = child, child = 0;
      epoch++, attempts++, handed_at = now();
      say("Envoy is ready; the one before hands over: epoch=%ld seconds=%ld", epoch, hand_over);
      snprintf(why, sizeof why, "ready: epoch %ld", epoch);
      tell(why);
    } else if (waitpid(newest, NULL, WNOHANG) == newest) {
      newest = 0;
      kill_now(&child);
      attempts++;
      tell("failed: the running Envoy ended meanwhile");
      say("the running Envoy ended while the next one started; starting afresh: epoch=0");
      fresh();
    } else if (now() > until) {
      kill_now(&child);
      snprintf(why, sizeof why, "the new one was not ready within %ld s", ready_within);
      refuse(why);
    }
  }
}

static int end_all(void) {
  int status;
  const double until = now() + 3;
  if (newest) kill(newest, SIGTERM);
  if (parent) kill(parent, SIGTERM);
  while ((newest || parent) && now() < until) {
    ended(&newest, &status);
    ended(&parent, &status);
    if (newest || parent) pause_for(0.05);
  }
  /* One that waits for the other may hang. */
  kill_now(&newest);
  kill_now(&parent);
  say("ended");
  return 0;
}

/* Whether a watched file is another one than when it was last looked at, and has not changed for a second. */
static int has_changed(void) {
  static double since;
  int changed = 0;
  for (int i = 0; i < watches; i++) {
    struct stat is;
    if (stat(watched[i], &is) != 0) continue;
    if (is.st_ino != seen[i].st_ino || is.st_mtim.tv_sec != seen[i].st_mtim.tv_sec ||
        is.st_mtim.tv_nsec != seen[i].st_mtim.tv_nsec || is.st_size != seen[i].st_size) {
      seen[i] = is;
      changed = 1;
    }
  }
  if (changed) since = now();
  if (since == 0 || now() - since < 1) return 0;
  since = 0;
  return 1;
}

/* Others may still bring what is needed: containers of a pod start side by side. */
static int is_complete(void) {
  const double until = now() + (double)ready_within;
  for (;;) {
    const char *missing = strchr(envoy[0], '/') && access(envoy[0], X_OK) != 0 ? envoy[0] : NULL;
    for (int i = 0; !missing && i < watches; i++)
      if (stat(watched[i], &seen[i]) != 0) missing = watched[i];
    if (!missing) return 1;
    if (asked_end || now() > until) {
      say("missing: %s", missing);
      return 0;
    }
    pause_for(0.2);
  }
}

static int supervise(void) {
  int status;
  sigset_t all;
  struct sigaction action = {.sa_handler = on_signal};
  int numbers[] = {SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGCHLD};
  sigemptyset(&all);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    sigaction(numbers[i], &action, NULL);
    sigaddset(&all, numbers[i]);
  }
  sigprocmask(SIG_BLOCK, &all, NULL);
  if (!is_complete()) return asked_end ? 0 : 1;
  fresh();
  tell("ready: epoch 0");
  for (;;) {
    pause_for(0.2);
    if (asked_end) return end_all();
    if (asked_reopen) {
      asked_reopen = 0;
      if (newest) kill(newest, SIGUSR1);
    }
    if (ended(&newest, &status)) {
      if (!parent) {
        say("Envoy ended: epoch=%ld status=%d", epoch, status);
        return status;
      }
      say("Envoy ended while the one before handed over to it; starting afresh: epoch=%ld status=%d", epoch, status);
      fresh();
    } else if (ended(&parent, &status)) {
      if (status != 0 || now() - handed_at < (double)hand_over - 0.5) {
        say("the Envoy that handed over ended too early; starting afresh: epoch=%ld status=%d", epoch - 1, status);
        fresh();
      } else {
        say("handed over: epoch=%ld", epoch);
      }
    }
    if (has_changed()) asked_reload = 1;
    /* One at a time: with a second one the first would be cut off. */
    if (asked_reload && !parent && newest) {
      asked_reload = 0;
      restart();
    }
  }
}

static int read_state(int *supervisor, long *number, char *how, size_t size) {
  char line[700];
  FILE *f = fopen(state_file, "re");
  int at = 0, fine = 0;
  if (!f) return 0;
  if (fgets(line, sizeof line, f) && sscanf(line, "%d %ld %n", supervisor, number, &at) == 2 && at > 0) {
    snprintf(how, size, "%s", line + at);
    how[strcspn(how, "\n")] = 0;
    fine = 1;
  }
  fclose(f);
  return fine;
}

static int reload(void) {
  int supervisor;
  long before, number;
  char how[700];
  if (!read_state(&supervisor, &before, how, sizeof how) || kill(supervisor, SIGHUP) != 0) {
    say("no running bolina-envoy: see ENVOY_SUPERVISOR_DIR and ENVOY_BASE_ID; state=%s", state_file);
    return 1;
  }
  while (kill(supervisor, 0) == 0) {
    if (read_state(&supervisor, &number, how, sizeof how) && number != before) {
      say("%s", how);
      return strncmp(how, "ready", 5) != 0;
    }
    usleep(100 * 1000);
  }
  say("it has ended");
  return 1;
}

static long number(const char *name, long standard, long least, long most) {
  const char *text = getenv(name);
  char *end;
  if (!text || !*text) return standard;
  long value = strtol(text, &end, 10);
  if (*end || value < least || value > most) {
    say("%s=%s is not %ld to %ld", name, text, least, most);
    exit(2);
  }
  return value;
}

int main(int argc, char **argv) {
  int at = 1;
  const char *folder = getenv("ENVOY_SUPERVISOR_DIR");
  if (!folder) folder = getenv("RUNTIME_DIRECTORY");
  if (!folder) folder = "/tmp";
  base_id = number("ENVOY_BASE_ID", 10, 0, 1000000);
  hand_over = number("ENVOY_HAND_OVER_S", 10, 1, 86400);
  ready_within = number("ENVOY_READY_WITHIN_S", 60, 1, 3600);
  snprintf(state_file, sizeof state_file, "%s/bolina-envoy.%ld", folder, base_id);
  snprintf(shm_file, sizeof shm_file, "/dev/shm/envoy_shared_memory_%ld", base_id * 10);
  if (argc == 2 && strcmp(argv[1], "reload") == 0) return reload();
  while (at + 1 < argc && strcmp(argv[at], "--watch") == 0 && watches < WATCHED) {
    watched[watches++] = argv[at + 1];
    at += 2;
  }
  if (at + 1 >= argc || strcmp(argv[at], "--") != 0) {
    fprintf(stderr, "usage: bolina-envoy [--watch FILE]... -- ENVOY ARGUMENTS... | bolina-envoy reload\n");
    return 2;
  }
  envoy = argv + at + 1;
  envoy_words = argc - at - 1;
  return supervise();
}
