#include "daemon.h"
#include "notifier.h"

#include <csignal>
#include <cstdio>
#include <malloc.h>

#include <hikyaku/base/log.h>

namespace hikyaku::app
{
namespace
{

constexpr int exit_configuration = 2;
/// glibc gives each thread an arena of its own otherwise; a few are enough and cost less memory.
constexpr int malloc_arenas = 2;

sigset_t our_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
    {
        sigaddset(&set, s);
    }
    return set;
}

void print(const config::config_errors& errors)
{
    for (const auto& e : errors)
    {
        std::fprintf(stderr, "%s\n", config::to_string(e).c_str());
    }
}

void on_reload(daemon& d, const notifier& systemd)
{
    systemd.reloading();
    d.reopen_logs();
    const auto done = d.reload();
    if (done.has_error())
    {
        log::error("reload_failed",
                   {{"reason", done.error().text}, {"effect", "the old settings stay"}});
    }
    systemd.ready(d.status_line());
}

/// Waits for signals; meanwhile shows systemd that the scheduler answers.
void run_until_stopped(daemon& d, const notifier& systemd, const sigset_t& signals)
{
    while (true)
    {
        const timespec second{1, 0};
        switch (sigtimedwait(&signals, nullptr, &second))
        {
        case SIGTERM:
        case SIGINT:
            return;
        case SIGHUP:
            on_reload(d, systemd);
            break;
        case SIGUSR1:
            d.reopen_logs();
            break;
        default: // the second has passed
            d.tick();
            systemd.status(d.status_line());
            systemd.alive();
        }
    }
}

} // namespace

int serve(const serve_options& options)
{
    // Every thread inherits the mask: signals come to sigtimedwait only.
    const sigset_t signals = our_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, malloc_arenas);

    auto settings = config::load(options.config_file);
    if (settings.has_error())
    {
        print(settings.error());
        return exit_configuration;
    }
    auto shaping = config::load_shaping(settings->shaping);
    if (shaping.has_error())
    {
        print(shaping.error());
        return exit_configuration;
    }
    auto rules = config::load_bounce_rules(settings->bounce_rules);
    if (rules.has_error())
    {
        print(rules.error());
        return exit_configuration;
    }
    try
    {
        log::open(settings->log.file, settings->log.level);
        auto d =
            daemon::start(options, std::move(*settings), std::move(*shaping), std::move(*rules));
        if (d.has_error())
        {
            std::fprintf(stderr, "hikyaku: %s\n", d.error().text.c_str());
            return 1;
        }
        const notifier systemd;
        log::info("started", {{"version", HK_VERSION}});
        systemd.ready((*d)->status_line());
        run_until_stopped(**d, systemd, signals);
        systemd.stopping();
        log::info("stopping");
        (*d)->stop();
        d->reset();
        log::info("stopped");
        return 0;
    }
    catch (const std::exception& e)
    {
        std::fprintf(stderr, "hikyaku: %s\n", e.what());
        return 1;
    }
}

} // namespace hikyaku::app
