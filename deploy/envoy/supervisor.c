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
 * ENVOY_SUPERVISOR_DIR        where its state is kept (RUNTIME_DIRECTORY, else /tmp), and a lock: one for each base id
 *
 * Why it does what it does, as measured on Envoy 1.40 (docs/hot-restart.md):
 *  - An Envoy that dies while it starts leaves its mark in the shared memory, and no later one would ever start.
 *  - Envoys that hand over depend on each other: if one dies, the other aborts some ten seconds later. Both are replaced
 *    by a fresh one at once.
 *  - An Envoy asks for SIGTERM when its parent process dies, so all must be children of this very process.
 *  - Without a control plane an Envoy waits for its first configuration without end, and its mark stands as long.
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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where the mark of a starting Envoy stands in the shared memory, of this layout. */
#define LAYOUT "11.104"
#define MARK 96

#define WATCHED 8

/* Seconds after which an Envoy that has handed over and does not end is killed. */
#define OVERDUE 10

static volatile sig_atomic_t asked_reload, asked_end, asked_reopen;

static long base_id, hand_over, ready_within;
static char state_file[512], lock_file[520], shm_file[64];
static char **envoy;               /* the program and its arguments */
static int envoy_words;
static const char *watched[WATCHED];
static struct stat seen[WATCHED];
static int watches;
/* Restarts that were begun and those that are done, and how the last one went. */
static long begun, done;
static char outcome[256];

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

/* For `reload`. Others may write into the folder: nothing that they put there is followed. */
static void tell(void) {
  char aside[600];
  snprintf(aside, sizeof aside, "%s.new", state_file);
  unlink(aside);
  int f = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  int written = f >= 0 && dprintf(f, "%d %ld %ld %s\n", (int)getpid(), begun, done, outcome) > 0;
  if (f >= 0 && close(f) != 0) written = 0;
  if (!written || rename(aside, state_file) != 0) say("cannot write %s: %s", state_file, strerror(errno));
}

static void conclude(const char *how) {
  snprintf(outcome, sizeof outcome, "%s", how);
  done = begun;
  tell();
}

/* One for each base id, for as long as this process lives: two would take each other's shared memory. */
static int take_lock(void) {
  struct stat is;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int f = open(lock_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (f < 0 || fstat(f, &is) != 0) {
    say("cannot write %s: %s; see ENVOY_SUPERVISOR_DIR", lock_file, strerror(errno));
    return 0;
  }
  if (!S_ISREG(is.st_mode) || is.st_uid != geteuid()) {
    say("%s is not this user's; see ENVOY_SUPERVISOR_DIR", lock_file);
    return 0;
  }
  if (fcntl(f, F_SETLK, &lock) == 0) return 1;
  say("another bolina-envoy runs with ENVOY_BASE_ID=%ld, or the lock %s fails: %s", base_id, lock_file, strerror(errno));
  return 0;
}

/* The running supervisor, by its lock: a number in a file may be another process' by now. 0 if there is none. */
static pid_t holder(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int f = open(lock_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (f < 0) return 0;
  pid_t pid = fcntl(f, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0 ? lock.l_pid : 0;
  close(f);
  return pid;
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

/* Whether a child has ended, of which its status is still to be asked. */
static int is_dead(pid_t child) {
  siginfo_t who = {0};
  return child != 0 && waitid(P_PID, (id_t)child, &who, WEXITED | WNOHANG | WNOWAIT) == 0 && who.si_pid == child;
}

/* As process 1 of a container this one inherits what others leave behind. */
static void reap_others(void) {
  for (;;) {
    siginfo_t who = {0};
    if (waitid(P_ALL, 0, &who, WEXITED | WNOHANG | WNOWAIT) != 0 || who.si_pid == 0) return;
    if (who.si_pid == newest || who.si_pid == parent) return;
    waitpid(who.si_pid, NULL, 0);
  }
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

/* 0 if no process can be made. */
static pid_t run(char **words, int output) {
  const pid_t supervisor = getpid();
  pid_t child = fork();
  if (child != 0) return child < 0 ? 0 : child;
  sigset_t none;
  sigemptyset(&none);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* Envoy asks for that too, but later: it would be left over, with the ports. */
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != supervisor) _exit(127);
  if (output >= 0) dup2(output, 1), dup2(output, 2);
  execvp(words[0], words);
  fprintf(stderr, "bolina-envoy: cannot run %s: %s\n", words[0], strerror(errno));
  _exit(127);
}

/* Runs Envoy for what it says; its status, or -1 if it did not end in time, or the running Envoy or this process must. */
static int ask(char **words, FILE **said) {
  int status = -1, f = memfd_create("envoy", MFD_CLOEXEC);
  pid_t child = f < 0 ? 0 : run(words, f);
  const double until = now() + (double)ready_within;
  while (child && !ended(&child, &status)) {
    pause_for(0.05);
    if (asked_end || is_dead(newest) || now() > until) kill_now(&child), status = -1;
  }
  *said = f < 0 ? NULL : fdopen(f, "r");
  if (*said) rewind(*said);
  else if (f >= 0) close(f);
  return status;
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
  pid_t child = run(words, -1);
  free(words);
  return child;
}

/* Everything anew, without a word to whatever ran before. */
static void fresh(void) {
  kill_now(&newest);
  kill_now(&parent);
  /* Its mark would be taken for the next one's. */
  unlink(shm_file);
  epoch = 0;
  newest = start_envoy(0);
}

static void refuse(const char *why) {
  char how[256];
  say("restart failed; the running Envoy goes on: epoch=%ld reason=\"%s\"", epoch, why);
  snprintf(how, sizeof how, "failed: %s", why);
  conclude(how);
}

/* Where a restart has cost the running Envoy too. */
static void give_up(const char *why) {
  char how[256];
  say("%s; starting afresh: epoch=0", why);
  snprintf(how, sizeof how, "failed: %s", why);
  fresh();
  conclude(how);
}

static int has_layout(void) {
  char *words[] = {envoy[0], (char *)"--hot-restart-version", NULL};
  char text[64] = "";
  FILE *said;
  int status = ask(words, &said);
  if (said && !fgets(text, sizeof text, said)) text[0] = 0;
  if (said) fclose(said);
  text[strcspn(text, "\n")] = 0;
  return status == 0 && strcmp(text, LAYOUT) == 0;
}

/* Whether Envoy takes its configuration; else the last lines of what it says are shown. */
static int is_valid(void) {
  char base[32];
  char **words = calloc((size_t)envoy_words + 8, sizeof *words);
  int n = envoy_words;
  FILE *said;
  if (!words) return 0;
  memcpy(words, envoy, (size_t)n * sizeof *words);
  snprintf(base, sizeof base, "%ld", base_id + 1);
  words[n++] = (char *)"--mode", words[n++] = (char *)"validate", words[n++] = (char *)"--base-id", words[n++] = base;
  int status = ask(words, &said);
  free(words);
  char line[1000];
  while (status != 0 && said && fgets(line, sizeof line, said))
    if (strstr(line, "[critical]") || strstr(line, "rror")) fputs(line, stderr);
  if (said) fclose(said);
  return status == 0;
}

/* Whether the running one has begun to serve: a next one ends at once while it starts, and its mark is not the next one's. */
static int is_ready(void) {
  const double until = now() + (double)ready_within;
  while (starting(0) != 0) {
    if (asked_end || is_dead(newest) || now() > until) return 0;
    pause_for(0.05);
  }
  return 1;
}

static void restart(void) {
  char why[200];
  int status = 0, marked = 0;
  begun++;
  tell();
  const char *against = !has_layout()  ? "its hot restart version is not " LAYOUT
                        : !is_valid() ? "its configuration is invalid, see above"
                        : !is_ready() ? "the running one is not ready itself"
                                      : NULL;
  if (asked_end) return;
  if (is_dead(newest)) {
    give_up("the running Envoy ended meanwhile");
    return;
  }
  if (against) {
    refuse(against);
    return;
  }
  pid_t child = start_envoy(epoch + 1);
  if (!child) {
    refuse("no process can be made");
    return;
  }
  const double until = now() + (double)ready_within;
  for (;;) {
    pause_for(0.02);
    if (asked_end) {
      kill_now(&child);
      return;
    }
    const double at = now();
    /* First whether it has ended: one that ends while it starts leaves its mark. */
    if (ended(&child, &status)) snprintf(why, sizeof why, "the new one ended with %d", status);
    int mark = starting(0);
    if (child && marked && mark == 0) {
      parent = newest, newest = child;
      epoch++;
      say("Envoy is ready; the one before hands over: epoch=%ld seconds=%ld", epoch, hand_over);
      snprintf(why, sizeof why, "ready: epoch %ld", epoch);
      conclude(why);
      return;
    }
    if (child && is_dead(newest)) {
      kill_now(&child);
      give_up("the running Envoy ended meanwhile");
      return;
    }
    if (child && at > until) {
      kill_now(&child);
      mark = starting(0);
      snprintf(why, sizeof why, "the new one was not ready within %ld s", ready_within);
    }
    if (!child && marked && mark == 0) { /* it was ready after all, and the old one hands over to nobody */
      strcat(why, ", when it was ready");
      give_up(why);
      return;
    }
    if (!child) {
      if (mark == 1) starting(1);
      refuse(why);
      return;
    }
    /* The old one is told to hand over after this moment, however late this process looks again. */
    if (mark == 1) marked = 1, handed_at = at;
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
  signal(SIGPIPE, SIG_IGN);
  if (!take_lock()) return 1;
  conclude("starting");
  if (!is_complete()) return asked_end ? 0 : 1;
  fresh();
  conclude("ready: epoch 0");
  for (;;) {
    if (!newest) {
      say("cannot start Envoy: no process can be made");
      return 1;
    }
    pause_for(0.2);
    reap_others();
    if (asked_end) return end_all();
    if (asked_reopen) {
      asked_reopen = 0;
      kill(newest, SIGUSR1);
      if (parent) kill(parent, SIGUSR1);
    }
    if (ended(&newest, &status)) {
      if (!parent) {
        say("Envoy ended: epoch=%ld status=%d", epoch, status);
        return status;
      }
      say("Envoy ended while the one before handed over to it; starting afresh: epoch=%ld status=%d", epoch, status);
      fresh();
    } else if (ended(&parent, &status)) {
      /* Later it is not needed, whatever it ends with. */
      if (now() - handed_at < (double)hand_over - 0.1) {
        say("the Envoy that handed over ended too early; starting afresh: epoch=%ld status=%d", epoch - 1, status);
        fresh();
      } else {
        say("handed over: epoch=%ld", epoch);
      }
    } else if (parent && now() - handed_at > (double)hand_over + OVERDUE) {
      say("the Envoy that handed over does not end; it is killed: epoch=%ld", epoch - 1);
      kill_now(&parent);
    }
    if (has_changed()) asked_reload = 1;
    /* One at a time: with a second one the first would be cut off. */
    if (asked_reload && !parent && newest) {
      asked_reload = 0;
      restart();
    }
  }
}

/* What a supervisor says of itself; not what one before it has said. */
static int read_state(pid_t supervisor, long *first, long *last, char *how, size_t size) {
  char line[400];
  FILE *f = fopen(state_file, "re");
  int pid, at = 0, fine = 0;
  if (!f) return 0;
  if (fgets(line, sizeof line, f) && sscanf(line, "%d %ld %ld %n", &pid, first, last, &at) == 3 && at > 0) {
    snprintf(how, size, "%s", line + at);
    how[strcspn(how, "\n")] = 0;
    fine = pid == supervisor;
  }
  fclose(f);
  return fine;
}

static int reload(void) {
  const pid_t supervisor = holder();
  long first = -1, last, next;
  char how[400];
  if (!supervisor) {
    say("no running bolina-envoy: see ENVOY_SUPERVISOR_DIR and ENVOY_BASE_ID; lock=%s", lock_file);
    return 1;
  }
  while (holder() == supervisor) {
    if (!read_state(supervisor, &next, &last, how, sizeof how)) {
      usleep(100 * 1000);
    } else if (first < 0) {
      /* One that goes on already may have read what was there before: the next one counts. */
      first = next + 1;
      if (kill(supervisor, SIGHUP) != 0) {
        say("cannot signal bolina-envoy: pid=%d: %s", (int)supervisor, strerror(errno));
        return 1;
      }
    } else if (last >= first) {
      say("%s", how);
      return strncmp(how, "ready", 5) != 0;
    } else {
      usleep(100 * 1000);
    }
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
  if (!folder || !*folder) folder = getenv("RUNTIME_DIRECTORY");
  if (!folder || !*folder) folder = "/tmp";
  base_id = number("ENVOY_BASE_ID", 10, 0, 1000000);
  hand_over = number("ENVOY_HAND_OVER_S", 10, 1, 86400);
  ready_within = number("ENVOY_READY_WITHIN_S", 60, 1, 3600);
  /* systemd may name several folders. */
  if (snprintf(state_file, sizeof state_file, "%.*s/bolina-envoy.%ld", (int)strcspn(folder, ":"), folder, base_id) >=
      (int)sizeof state_file) {
    say("ENVOY_SUPERVISOR_DIR is too long");
    return 2;
  }
  snprintf(lock_file, sizeof lock_file, "%s.lock", state_file);
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
