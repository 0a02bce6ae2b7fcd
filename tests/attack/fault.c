// A library to preload that counts the system calls by which a program changes the files below
// FAULT_FOLDER, and does something at the one with number FAULT_AT:
//   FAULT_DO=count   nothing; FAULT_LOG gets a line a call
//   FAULT_DO=kill    SIGKILL before it
//   FAULT_DO=enospc, eio, eintr   it fails
//   FAULT_DO=short   a write takes half; other calls are let through
// With FAULT_STAYS every later one fails as well, as on a disk that stays full.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kMostDescriptors = 4096 };

static char folder[PATH_MAX];
static char log_path[PATH_MAX];
static const char* action = "";
static long at = -1;
static long calls = 0;
static int stays = 0;
static unsigned char watched[kMostDescriptors];

__attribute__((constructor)) static void begin(void) {
  const char* text = getenv("FAULT_FOLDER");
  if (text != NULL) snprintf(folder, sizeof folder, "%s", text);
  text = getenv("FAULT_LOG");
  if (text != NULL) snprintf(log_path, sizeof log_path, "%s", text);
  text = getenv("FAULT_DO");
  if (text != NULL) action = text;
  text = getenv("FAULT_AT");
  if (text != NULL) at = atol(text);
  stays = getenv("FAULT_STAYS") != NULL;
}

static int below(const char* path) {
  return folder[0] != 0 && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static void note(const char* name, const char* path) {
  if (log_path[0] == 0) return;
  char line[PATH_MAX + 64];
  const int size = snprintf(line, sizeof line, "%ld %s %s\n", calls, name, path);
  const long file = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  syscall(SYS_write, file, line, size);
  syscall(SYS_close, file);
}

// What a call is to do: 0: go on; above 0: fail with this error; below 0: write half.
static int fault(const char* name, const char* path) {
  const long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (call == at || strcmp(action, "count") == 0) note(name, path);
  if (at < 0 || !(call == at || (stays && call > at))) return 0;
  if (strcmp(action, "kill") == 0) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if (strcmp(action, "enospc") == 0) return ENOSPC;
  if (strcmp(action, "eio") == 0) return EIO;
  if (strcmp(action, "eintr") == 0) return EINTR;
  return strcmp(action, "short") == 0 ? -1 : 0;
}

// Fails the call that it stands in.
#define CHANGES(name, path)                     \
  do {                                          \
    const int error_ = fault(name, path);       \
    if (error_ > 0) {                           \
      errno = error_;                           \
      return -1;                                \
    }                                           \
  } while (0)

static int is_watched(int fd) { return fd >= 0 && fd < kMostDescriptors && watched[fd] != 0; }

static int open_watched(const char* path, int flags, mode_t mode) {
  const int changes = below(path) && (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
  if (changes) CHANGES("open", path);
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  if (fd >= 0 && fd < kMostDescriptors) watched[fd] = (unsigned char)changes;
  return fd;
}

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  return open_watched(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  return open_watched(path, flags, mode);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  if (is_watched(fd)) {
    const int error = fault("write", "");
    if (error > 0) {
      errno = error;
      return -1;
    }
    if (error < 0 && size > 1) size /= 2;
  }
  return syscall(SYS_write, fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (is_watched(fd)) CHANGES("writev", "");
  return syscall(SYS_writev, fd, parts, count);
}

// What a loss of power would undo is not what is tried here, so nothing waits for the disk.
int fsync(int fd) {
  if (is_watched(fd)) CHANGES("fsync", "");
  return 0;
}

int close(int fd) {
  if (is_watched(fd)) {
    watched[fd] = 0;
    const int error = fault("close", "");
    const long closed = syscall(SYS_close, fd);
    if (error > 0) {
      errno = error;
      return -1;
    }
    return (int)closed;
  }
  return (int)syscall(SYS_close, fd);
}

int rename(const char* from, const char* to) {
  if (below(to)) CHANGES("rename", to);
  return (int)syscall(SYS_rename, from, to);
}

int mkdir(const char* path, mode_t mode) {
  if (below(path)) CHANGES("mkdir", path);
  return (int)syscall(SYS_mkdir, path, mode);
}

int symlink(const char* target, const char* path) {
  if (below(path)) CHANGES("symlink", path);
  return (int)syscall(SYS_symlink, target, path);
}

int unlink(const char* path) {
  if (below(path)) CHANGES("unlink", path);
  return (int)syscall(SYS_unlink, path);
}

// Removing a folder goes by descriptors: whatever the program removes is counted.
int unlinkat(int base, const char* path, int flags) {
  CHANGES("unlinkat", path);
  return (int)syscall(SYS_unlinkat, base, path, flags);
}

int rmdir(const char* path) {
  if (below(path)) CHANGES("rmdir", path);
  return (int)syscall(SYS_rmdir, path);
}

int remove(const char* path) {
  if (below(path)) CHANGES("remove", path);
  static int (*real)(const char*);
  if (real == NULL) *(void**)(&real) = dlsym(RTLD_NEXT, "remove");
  return real(path);
}

int truncate(const char* path, off_t size) {
  if (below(path)) CHANGES("truncate", path);
  return (int)syscall(SYS_truncate, path, size);
}

int truncate64(const char* path, off64_t size) { return truncate(path, size); }

int ftruncate(int fd, off_t size) {
  if (is_watched(fd)) CHANGES("ftruncate", "");
  return (int)syscall(SYS_ftruncate, fd, size);
}
