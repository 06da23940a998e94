#pragma once

#include <string>
#include <utility>
#include <vector>

#include <hikyaku/segment/condition.h>

namespace hikyaku::segment
{

/// Collects what is wrong, up to errors_max.
class mistakes
{
public:
    void add(std::string pointer, const char* code, std::string text)
    {
        if (list_.size() < errors_max)
        {
            list_.push_back({std::move(pointer), code, std::move(text)});
        }
    }
    [[nodiscard]] bool none() const noexcept { return list_.empty(); }
    [[nodiscard]] std::vector<condition_error> take() { return std::move(list_); }

private:
    std::vector<condition_error> list_;
};

} // namespace hikyaku::segment
