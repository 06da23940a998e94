#include "child_process.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hikyaku::test
{
namespace
{

constexpr std::size_t errors_max = 1U << 20;
constexpr int uncaught = 99;

[[noreturn]] void run_body(const std::function<int()>& body, int errors)
{
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::dup2(errors, STDERR_FILENO);
    int code = uncaught;
    try
    {
        code = body();
    }
    catch (const std::exception& e)
    {
        std::fprintf(stderr, "uncaught: %s\n", e.what());
    }
    std::fflush(nullptr);
    ::_exit(code);
}

/// Reads until the child closes its end. @returns false when time ran out
bool read_errors(int fd, std::chrono::steady_clock::time_point until, std::string& out)
{
    char buffer[4096];
    while (true)
    {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now());
        if (left.count() <= 0)
        {
            return false;
        }
        pollfd wanted{fd, POLLIN, 0};
        if (::poll(&wanted, 1, static_cast<int>(left.count())) <= 0)
        {
            continue;
        }
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n <= 0)
        {
            return true;
        }
        if (out.size() < errors_max)
        {
            out.append(buffer, static_cast<std::size_t>(n));
        }
    }
}

} // namespace

child_end run_child(const std::function<int()>& body, std::chrono::milliseconds deadline)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
    {
        throw std::runtime_error("pipe");
    }
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0)
    {
        throw std::runtime_error("fork");
    }
    if (child == 0)
    {
        ::close(ends[0]);
        run_body(body, ends[1]);
    }
    ::close(ends[1]);
    child_end end;
    end.hung = !read_errors(ends[0], std::chrono::steady_clock::now() + deadline, end.errors);
    if (end.hung)
    {
        ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    {
    }
    end.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return end;
}

} // namespace hikyaku::test
