#include <hikyaku/base/log.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <stdexcept>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace hikyaku::log
{
namespace
{

constexpr std::size_t value_bytes_max = 1024;

spdlog::level::level_enum to_spdlog(level l)
{
    switch (l)
    {
    case level::debug:
        return spdlog::level::debug;
    case level::info:
        return spdlog::level::info;
    case level::warning:
        return spdlog::level::warn;
    case level::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

/// The process's one logger: the sink is replaced under its mutex, readers take a copy.
struct sink_holder
{
    std::mutex mutex;
    std::string path;
    std::shared_ptr<spdlog::logger> logger = make({}, level::info);

    static std::shared_ptr<spdlog::logger> make(const std::string& path, level least)
    {
        std::shared_ptr<spdlog::sinks::sink> sink;
        if (path.empty())
        {
            sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        }
        else
        {
            try
            {
                sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
            }
            catch (const spdlog::spdlog_ex& e)
            {
                throw std::runtime_error(e.what());
            }
        }
        auto made = std::make_shared<spdlog::logger>("hikyaku", std::move(sink));
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
        made->set_level(to_spdlog(least));
        made->flush_on(spdlog::level::info);
        return made;
    }
};

sink_holder& holder()
{
    static sink_holder instance;
    return instance;
}

/// Quotes a value when it holds anything but plain characters; control bytes become \xNN.
void append_value(std::string& out, std::string_view value)
{
    const bool cut = value.size() > value_bytes_max;
    value = value.substr(0, value_bytes_max);
    const bool plain =
        !value.empty() && value.find_first_of(" \"\\=") == std::string_view::npos &&
        std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    if (plain && !cut)
    {
        out += value;
        return;
    }
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    for (const char c : value)
    {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F)
        {
            out += "\\x";
            out += hex[byte >> 4];
            out += hex[byte & 15U];
            continue;
        }
        if (c == '"' || c == '\\')
        {
            out += '\\';
        }
        out += c;
    }
    out += cut ? "...\"" : "\"";
}

} // namespace

void open(const std::string& path, level least)
{
    auto made = sink_holder::make(path, least);
    auto& h = holder();
    const std::lock_guard lock(h.mutex);
    h.path = path;
    h.logger = std::move(made);
}

void reopen()
{
    auto& h = holder();
    const std::lock_guard lock(h.mutex);
    if (h.path.empty())
    {
        return;
    }
    const auto kept_level = h.logger->level();
    try
    {
        h.logger = sink_holder::make(h.path, level::info);
        h.logger->set_level(kept_level);
    }
    catch (const std::runtime_error& e)
    {
        h.logger->error("event=log_reopen_failed reason={}", e.what());
    }
}

void write(level l, std::string_view event, std::initializer_list<field> fields)
{
    std::shared_ptr<spdlog::logger> logger;
    {
        auto& h = holder();
        const std::lock_guard lock(h.mutex);
        logger = h.logger;
    }
    const auto spd_level = to_spdlog(l);
    if (!logger->should_log(spd_level))
    {
        return;
    }
    std::string line = "event=";
    line += event;
    for (const field& f : fields)
    {
        line += ' ';
        line += f.key;
        line += '=';
        append_value(line, f.value);
    }
    logger->log(spd_level, spdlog::string_view_t(line.data(), line.size()));
}

} // namespace hikyaku::log
