/* The program that every supervisor of compare.py runs, and the kernel's own limits.
 *
 *   run REC I                 say in REC that it runs, then sleep for ever
 *   out REC I BYTES CHUNK     say so; when REC.go appears write BYTES to stdout, CHUNK a write; sleep
 *   slow REC I RATE           say so; write RATE lines a second for ever
 *   once REC I BYTES CHUNK    write at once and end
 *   copy FILE                 stdin to FILE with read and write of 64 KiB
 *   exec CMD...               what a script's "#!" line may call
 *   spawn N REC LOGS          limit: start N "run", each in its own group, with a pipe and a log file
 *   bare N REC                limit: start N "run", nothing else
 *   none                      end
 *
 * spawn and bare start what dies again, and on SIGTERM end all. A "#!" line hands all
 * arguments over as one word, which is taken apart. A record is one append of 24 bytes:
 * u32 index, u32 pid, u64 kind (1 runs, 2 begins to write, 3 has written), u64 CLOCK_MONOTONIC ns.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 1, BEGINS, WROTE, LINE = 100, LINES = 65536, TEXT = LINE * LINES };

static void record(const char *file, const char *index, uint64_t kind)
{
	struct { uint32_t index, pid; uint64_t kind, ns; } r = { atoi(index), getpid(), kind, 0 };
	struct timespec t;
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	clock_gettime(CLOCK_MONOTONIC, &t);
	r.ns = t.tv_sec * 1000000000ull + t.tv_nsec;
	if (fd < 0 || write(fd, &r, sizeof r) != sizeof r)
		_exit(3);
	close(fd);
}

static void rest(void)
{
	for (;;)
		pause();
}

static void all(int fd, const char *b, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, b, n);
		if (w < 0 && errno != EINTR)
			_exit(4);
		if (w > 0)
			b += w, n -= w;
	}
}

static int slow(char **a)
{
	useconds_t gap = 1000000 / atoi(a[2]);
	char line[LINE];
	memset(line, 'a', sizeof line);
	line[LINE - 1] = '\n';
	record(a[0], a[1], RUNS);
	for (;;) {
		usleep(gap);
		all(1, line, sizeof line);
	}
}

/* The text is lines of 100 bytes, each with its number, over and over. */
static int out(char **a, int wait)
{
	uint64_t left = strtoull(a[2], 0, 10), at = 0;
	size_t chunk = strtoul(a[3], 0, 10);
	char *text = malloc(TEXT + chunk + 1), go[4096];
	for (int i = 0; i < LINES; i++) {
		char *l = text + i * LINE;
		snprintf(l, 10, "%08d ", i);
		for (int k = 9; k < LINE - 1; k++)
			l[k] = 'a' + (i + k) % 26;
		l[LINE - 1] = '\n';
	}
	memcpy(text + TEXT, text, chunk);
	record(a[0], a[1], RUNS);
	snprintf(go, sizeof go, "%s.go", a[0]);
	while (wait && access(go, F_OK))
		usleep(1000);
	record(a[0], a[1], BEGINS);
	while (left > 0) {
		size_t n = left < chunk ? left : chunk;
		all(1, text + at % TEXT, n);
		at += n, left -= n;
	}
	record(a[0], a[1], WROTE);
	if (wait)
		rest();
	return 0;
}

static int copy(const char *file)
{
	static char b[65536];
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t n;
	while ((n = read(0, b, sizeof b)) > 0)
		all(fd, b, n);
	return n < 0;
}

static volatile sig_atomic_t ending;

static void on_term(int s) { (void)s; ending = 1; }

static pid_t start(const char *rec, int i, int pipe, int null)
{
	char number[16], *argv[] = { "child", "run", (char *)rec, number, 0 };
	snprintf(number, sizeof number, "%d", i);
	pid_t pid = vfork();
	if (pid == 0) {
		if (pipe >= 0) {
			setpgid(0, 0);
			dup2(null, 0), dup2(pipe, 1), dup2(pipe, 2);
		}
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	return pid;
}

static int limit(int n, const char *rec, const char *logs)
{
	pid_t *pid = calloc(n, sizeof *pid);
	int *w = calloc(n, sizeof *w), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct sigaction sa = { .sa_handler = on_term };
	sigaction(SIGTERM, &sa, 0);
	for (int i = 0; i < n; i++) {
		int p[2] = { -1, -1 };
		if (logs) {
			char file[4096];
			snprintf(file, sizeof file, "%s/p%05d.log", logs, i);
			if (open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) < 0 || pipe2(p, O_CLOEXEC))
				return 1;
		}
		w[i] = p[1];
		if ((pid[i] = start(rec, i, w[i], null)) < 0)
			return 1;
	}
	while (!ending) {
		pid_t dead = wait4(-1, 0, 0, 0);
		for (int i = 0; dead > 0 && i < n && !ending; i++)
			if (pid[i] == dead)
				pid[i] = start(rec, i, w[i], null);
	}
	for (int i = 0; i < n; i++)
		kill(pid[i], SIGTERM);
	while (wait4(-1, 0, 0, 0) > 0 || errno == EINTR)
		;
	return 0;
}

int main(int c, char **a)
{
	static char *words[32];
	if (c > 2 && strchr(a[1], ' ')) {
		int n = 1;
		for (char *t = strtok(a[1], " "); t && n < 31; t = strtok(0, " "))
			words[n++] = t;
		a = words, c = n;
	}
	if (c < 2)
		return 64;
	if (!strcmp(a[1], "none"))
		return 0;
	if (!strcmp(a[1], "exec") && c > 2)
		return execvp(a[2], a + 2), 127;
	if (!strcmp(a[1], "run") && c == 4)
		record(a[2], a[3], RUNS), rest();
	if (!strcmp(a[1], "slow") && c == 5)
		return slow(a + 2);
	if ((!strcmp(a[1], "out") || !strcmp(a[1], "once")) && c == 6)
		return out(a + 2, a[1][1] == 'u');
	if (!strcmp(a[1], "copy") && c == 3)
		return copy(a[2]);
	if (!strcmp(a[1], "spawn") && c == 5)
		return limit(atoi(a[2]), a[3], a[4]);
	if (!strcmp(a[1], "bare") && c == 4)
		return limit(atoi(a[2]), a[3], 0);
	return 64;
}
