/*
 * Preloaded under a real process: records what it does to the files below one folder, in order, and
 * makes that folder read-only when told to.
 *
 *   KENTONG_SHIM_ROOT       the folder, an absolute path without links
 *   KENTONG_SHIM_TRACE      where the record goes; it is appended to
 *   KENTONG_SHIM_KILL       while a file of this name is there, the process is killed (as by `kill -9`)
 *                           behind the next operation, so that the record holds all that was done
 *   KENTONG_SHIM_READ_ONLY  while a file of this name is there, every change fails with EROFS
 *   KENTONG_SHIM_LATER      while a file of this name is there, the clock that only goes forward is ahead
 *                           by as many seconds as the file says
 *
 * Each entry is a line, then as many bytes as the line says. One lock is held around each operation
 * and its entry, so the order of entries is that of the operations.
 *
 *   C INO LEN        a file was created; then its path
 *   W INO AT LEN     written; then the bytes
 *   T INO SIZE       cut or lengthened
 *   S INO            the file was synced
 *   D LEN LEN        a folder was synced; then its path, then a line `INO NAME` for each entry
 *   R LEN LEN        renamed; then both paths
 *   U LEN            a file or an empty folder was removed; then its path
 *   M LEN            a folder was made; then its path
 *   B LEN            a process began; then its command
 *   E                it ended by itself
 *   X LEN            something that this file does not record; then what
 *
 * The system calls that a program makes past the C library are not seen. Renaming is the one such
 * operation here; the names found in a folder when it is synced show it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *read_only, *fatal, *later;
static char parent[PATH_MAX];
static int trace = -1;

static ssize_t raw_write(int fd, const void *bytes, size_t len) {
    REAL(write);
    return real(fd, bytes, len);
}

static int raw_open(const char *path, int flags) {
    REAL(open);
    return real(path, flags, 0600);
}

static void say_path(char what, const char *path);

__attribute__((constructor)) static void begin(int count, char **arguments) {
    const char *path = getenv("KENTONG_SHIM_TRACE");
    root = getenv("KENTONG_SHIM_ROOT");
    read_only = getenv("KENTONG_SHIM_READ_ONLY");
    fatal = getenv("KENTONG_SHIM_KILL");
    later = getenv("KENTONG_SHIM_LATER");
    if (root) {
        snprintf(parent, sizeof parent, "%s", root);
        char *slash = strrchr(parent, '/');
        if (slash) *slash = 0;
    }
    if (root && path) {
        trace = raw_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
        if (trace < 0) abort();
        say_path('B', count > 1 ? arguments[1] : "");
    }
}

static void put(const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t written = raw_write(trace, bytes, len);
        if (written <= 0) abort();
        bytes += written;
        len -= (size_t)written;
    }
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    put(line, (size_t)len);
}

static void say_path(char what, const char *path) {
    say("%c %zu\n", what, strlen(path));
    put(path, strlen(path));
}

__attribute__((destructor)) static void end(void) {
    if (trace >= 0) say("E\n");
}

/* Whether a path is the folder or below it. */
static int is_ours(const char *path) {
    size_t len = root ? strlen(root) : 0;
    return root && strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == 0);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    if (len < 0) return 0;
    path[len] = 0;
    return 1;
}

/* The absolute path of what an `…at` call names; true if it is ours. */
static int resolve(int at, const char *name, char *path) {
    char folder[PATH_MAX];
    if (!root || !name) return 0;
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return is_ours(path);
    }
    if (at == AT_FDCWD ? !getcwd(folder, sizeof folder) : !path_of(at, folder)) return 0;
    size_t len = strlen(folder);
    if (len + strlen(name) + 2 > PATH_MAX) return 0;
    memcpy(path, folder, len);
    path[len] = '/';
    strcpy(path + len + 1, name);
    return is_ours(path);
}

/* Whether an open file is one of ours; what a node prints is not. */
static int is_ours_open(int fd, struct stat *about) {
    char path[PATH_MAX];
    int kept = errno;
    int ours = root && fd > 2 && fd != trace && fstat(fd, about) == 0 && S_ISREG(about->st_mode)
        && path_of(fd, path) && is_ours(path);
    errno = kept;
    return ours;
}

/* Whether a change is refused now. */
static int refused(void) {
    int kept = errno;
    int there = read_only && access(read_only, F_OK) == 0;
    errno = there ? EROFS : kept;
    return there;
}

static void done_recording(void) {
    int kept = errno;
    if (fatal && access(fatal, F_OK) == 0) kill(getpid(), SIGKILL);
    errno = kept;
    pthread_mutex_unlock(&lock);
}

static void unknown(const char *what) {
    if (trace >= 0) say_path('X', what);
}

typedef int (*opener)(int, const char *, int, mode_t);

static int opened(opener call, int at, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    struct stat about;
    if (!resolve(at, name, path)) return call(at, name, flags, mode);
    int changes = (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0;
    if (changes && refused()) return -1;
    if (trace < 0 || !(flags & (O_CREAT | O_TRUNC))) return call(at, name, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = stat(path, &about) == 0;
    int fd = call(at, name, flags, mode);
    int kept = errno;
    if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
        if (!existed) {
            say("C %lu %zu\n", (unsigned long)about.st_ino, strlen(path));
            put(path, strlen(path));
        } else if (flags & O_TRUNC) {
            say("T %lu 0\n", (unsigned long)about.st_ino);
        }
    }
    errno = kept;
    done_recording();
    return fd;
}

static int by_openat(int at, const char *name, int flags, mode_t mode) {
    REAL(openat);
    return real(at, name, flags, mode);
}

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list arguments; \
        va_start(arguments, flags); \
        mode = va_arg(arguments, mode_t); \
        va_end(arguments); \
    }

int open(const char *name, int flags, ...) {
    MODE(flags, mode);
    return opened(by_openat, AT_FDCWD, name, flags, mode);
}
int open64(const char *name, int flags, ...) {
    MODE(flags, mode);
    return opened(by_openat, AT_FDCWD, name, flags | O_LARGEFILE, mode);
}
int openat(int at, const char *name, int flags, ...) {
    MODE(flags, mode);
    return opened(by_openat, at, name, flags, mode);
}
int openat64(int at, const char *name, int flags, ...) {
    MODE(flags, mode);
    return opened(by_openat, at, name, flags | O_LARGEFILE, mode);
}

/* Around a write: where it begins, and the entry for what was written. */
static off_t begins(int fd, const struct stat *about) {
    return fcntl(fd, F_GETFL) & O_APPEND ? about->st_size : lseek(fd, 0, SEEK_CUR);
}

static void written(const struct stat *about, off_t at, const struct iovec *parts, ssize_t done) {
    if (done <= 0) return;
    say("W %lu %ld %zd\n", (unsigned long)about->st_ino, (long)at, done);
    for (size_t left = (size_t)done; left > 0; parts++) {
        size_t some = parts->iov_len < left ? parts->iov_len : left;
        put(parts->iov_base, some);
        left -= some;
    }
}

#define WRITE(at, parts, call) \
    struct stat about; \
    if (!is_ours_open(fd, &about)) return call; \
    if (refused()) return -1; \
    if (trace < 0) return call; \
    pthread_mutex_lock(&lock); \
    fstat(fd, &about); \
    off_t begin_at = at; \
    ssize_t done = call; \
    int kept = errno; \
    written(&about, begin_at, parts, done); \
    errno = kept; \
    done_recording(); \
    return done

ssize_t write(int fd, const void *bytes, size_t len) {
    REAL(write);
    struct iovec part = {(void *)bytes, len};
    WRITE(begins(fd, &about), &part, real(fd, bytes, len));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    WRITE(begins(fd, &about), parts, real(fd, parts, count));
}
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) {
    REAL(pwrite);
    struct iovec part = {(void *)bytes, len};
    WRITE(at, &part, real(fd, bytes, len, at));
}
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at) {
    return pwrite(fd, bytes, len, at);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    REAL(pwritev);
    WRITE(at, parts, real(fd, parts, count, at));
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) {
    return pwritev(fd, parts, count, at);
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    struct stat about;
    if (!is_ours_open(fd, &about)) return real(fd, size);
    if (refused()) return -1;
    if (trace < 0) return real(fd, size);
    pthread_mutex_lock(&lock);
    int result = real(fd, size);
    if (result == 0) say("T %lu %ld\n", (unsigned long)about.st_ino, (long)size);
    done_recording();
    return result;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

static void synced_folder(const char *path) {
    char *names = NULL;
    size_t len = 0;
    FILE *list = open_memstream(&names, &len);
    DIR *folder = opendir(path);
    if (!list || !folder) abort();
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            fprintf(list, "%lu %s\n", (unsigned long)entry->d_ino, entry->d_name);
    }
    closedir(folder);
    fclose(list);
    say("D %zu %zu\n", strlen(path), len);
    put(path, strlen(path));
    put(names, len);
    free(names);
}

static int synced(int (*call)(int), int fd) {
    struct stat about;
    char path[PATH_MAX];
    if (!root || fstat(fd, &about) != 0 || !path_of(fd, path)) return call(fd);
    int folder = S_ISDIR(about.st_mode);
    if (!is_ours(path) && !(folder && strcmp(path, parent) == 0)) return call(fd);
    if (refused()) return -1;
    if (trace < 0) return call(fd);
    pthread_mutex_lock(&lock);
    int result = call(fd);
    if (result == 0 && folder) synced_folder(path);
    else if (result == 0) say("S %lu\n", (unsigned long)about.st_ino);
    done_recording();
    return result;
}

int fsync(int fd) {
    REAL(fsync);
    return synced(real, fd);
}
int fdatasync(int fd) {
    REAL(fdatasync);
    return synced(real, fd);
}
/* It leaves what it wrote in the cache of the drive, so it is no sync. */
int sync_file_range(int fd, off_t at, off_t len, unsigned int flags) {
    REAL(sync_file_range);
    struct stat about;
    if (is_ours_open(fd, &about) && refused()) return -1;
    return real(fd, at, len, flags);
}

#define NAMES(call, entry) \
    if (refused()) return -1; \
    if (trace < 0) return call; \
    pthread_mutex_lock(&lock); \
    int result = call; \
    int kept = errno; \
    if (result == 0) { entry; } \
    errno = kept; \
    done_recording(); \
    return result

static void say_renamed(const char *from, const char *to) {
    say("R %zu %zu\n", strlen(from), strlen(to));
    put(from, strlen(from));
    put(to, strlen(to));
}

int rename(const char *from, const char *to) {
    REAL(rename);
    char a[PATH_MAX], b[PATH_MAX];
    if (!resolve(AT_FDCWD, from, a) || !resolve(AT_FDCWD, to, b)) return real(from, to);
    NAMES(real(from, to), say_renamed(a, b));
}
int unlink(const char *name) {
    REAL(unlink);
    char path[PATH_MAX];
    if (!resolve(AT_FDCWD, name, path)) return real(name);
    NAMES(real(name), say_path('U', path));
}
int unlinkat(int at, const char *name, int flags) {
    REAL(unlinkat);
    char path[PATH_MAX];
    if (!resolve(at, name, path)) return real(at, name, flags);
    NAMES(real(at, name, flags), say_path('U', path));
}
int rmdir(const char *name) {
    REAL(rmdir);
    char path[PATH_MAX];
    if (!resolve(AT_FDCWD, name, path)) return real(name);
    NAMES(real(name), say_path('U', path));
}
int mkdir(const char *name, mode_t mode) {
    REAL(mkdir);
    char path[PATH_MAX];
    if (!resolve(AT_FDCWD, name, path)) return real(name, mode);
    NAMES(real(name, mode), say_path('M', path));
}

/* What would change files unseen. */
#define UNSEEN(kind, name, parameters, arguments, fd) \
    kind name parameters { \
        REAL(name); \
        struct stat about; \
        if (is_ours_open(fd, &about)) unknown(#name); \
        return real arguments; \
    }
UNSEEN(int, fallocate, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len), fd)
UNSEEN(int, fallocate64, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len), fd)
UNSEEN(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), fd)
UNSEEN(int, posix_fallocate64, (int fd, off_t at, off_t len), (fd, at, len), fd)
UNSEEN(ssize_t, copy_file_range,
    (int from, off_t *a, int fd, off_t *b, size_t len, unsigned int flags),
    (from, a, fd, b, len, flags), fd)

void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t at) {
    REAL(mmap);
    struct stat about;
    int shared = (flags & MAP_SHARED) && (protection & PROT_WRITE);
    if (shared && fd >= 0 && is_ours_open(fd, &about)) unknown("mmap");
    return real(address, len, protection, flags, fd, at);
}

/* The clock by which a node counts days. */
int clock_gettime(clockid_t id, struct timespec *now) {
    REAL(clock_gettime);
    int result = real(id, now);
    if (result != 0 || !later || id != CLOCK_MONOTONIC) return result;
    char seconds[16] = {0};
    int kept = errno;
    int fd = raw_open(later, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, seconds, sizeof seconds - 1) > 0) now->tv_sec += atol(seconds);
        close(fd);
    }
    errno = kept;
    return result;
}
