// sink: an SMTP receiver that is fast, exact, and wrong on purpose when asked.
#include "options.h"
#include "server.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <poll.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace hikyaku::sink
{

namespace
{

constexpr std::size_t control_line_max = 4096;
constexpr int control_patience_ms = 10'000;

int open_control(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
    {
        throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    ::unlink(path.c_str());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd, 16) != 0)
    {
        throw std::system_error(errno, std::generic_category(), path);
    }
    return fd;
}

// One line in, one line out, and the connection is closed.
void serve_control(server& of, int listening)
{
    const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0)
    {
        return;
    }
    std::string line;
    while (line.find('\n') == std::string::npos && line.size() < control_line_max)
    {
        pollfd ready{fd, POLLIN, 0};
        char bytes[512];
        if (::poll(&ready, 1, control_patience_ms) != 1)
        {
            break;
        }
        const auto size = ::read(fd, bytes, sizeof bytes);
        if (size <= 0)
        {
            break;
        }
        line.append(bytes, static_cast<std::size_t>(size));
    }
    const std::string answer = of.obey(std::string_view(line).substr(0, line.find('\n')));
    // A client that left does not want its answer.
    static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
    ::close(fd);
}

void print(const std::string& text)
{
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

void raise_file_limit()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

sigset_t block_signals()
{
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1})
    {
        sigaddset(&wanted, signal);
    }
    pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
    return wanted;
}

int serve(const options& wanted)
{
    const sigset_t signals = block_signals(); // before the workers start: they inherit it
    const int signal_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);
    server all(wanted);
    const int control = wanted.control.empty() ? -1 : open_control(wanted.control);
    print(all.listening_lines() + "ready\n");
    while (true)
    {
        pollfd ready[] = {{signal_fd, POLLIN, 0}, {control, POLLIN, 0}};
        if (::poll(ready, control < 0 ? 1 : 2, -1) < 0)
        {
            continue;
        }
        if (ready[1].revents != 0)
        {
            serve_control(all, control);
        }
        signalfd_siginfo info{};
        if (ready[0].revents == 0 || ::read(signal_fd, &info, sizeof info) != sizeof info)
        {
            continue;
        }
        if (info.ssi_signo != SIGUSR1)
        {
            break;
        }
        print(all.summary());
    }
    all.stop();
    print(all.summary());
    if (control >= 0)
    {
        ::unlink(wanted.control.c_str());
    }
    return 0;
}

} // namespace

} // namespace hikyaku::sink

int main(int argc, char** argv)
{
    const auto wanted = hikyaku::sink::read_options(argc, argv);
    if (wanted.die_with_parent)
    {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    hikyaku::sink::raise_file_limit();
    try
    {
        return hikyaku::sink::serve(wanted);
    }
    catch (const std::exception& error)
    {
        std::fprintf(stderr, "sink: %s\n", error.what());
        return 1;
    }
}
