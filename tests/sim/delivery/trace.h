#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>

#include "virtual_time.h"

namespace hikyaku::sim
{

/// What happened in a run, in order: the last lines for people, and a hash over all of them.
class trace
{
public:
    static constexpr std::size_t lines_max = 60;

    trace(const virtual_time& time, bool verbose) : time_(time), verbose_(verbose) {}

    void add(std::string text)
    {
        text = std::to_string(time_.since_start().count()) + " ms  " + std::move(text);
        for (const char c : text)
        {
            hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
        }
        if (verbose_)
        {
            std::puts(text.c_str());
        }
        lines_.push_back(std::move(text));
        if (lines_.size() > lines_max)
        {
            lines_.pop_front();
        }
    }
    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
    [[nodiscard]] const std::deque<std::string>& last() const noexcept { return lines_; }

private:
    const virtual_time& time_;
    const bool verbose_;
    std::uint64_t hash_ = 14'695'981'039'346'656'037ULL;
    std::deque<std::string> lines_;
};

} // namespace hikyaku::sim
