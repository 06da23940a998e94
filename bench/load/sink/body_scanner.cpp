#include "body_scanner.h"

#include <algorithm>
#include <cstring>

namespace hikyaku::sink
{

std::optional<std::size_t> body_scanner::consume(std::string_view chunk)
{
    const char* at = chunk.data();
    const char* const end = at + chunk.size();
    while (at != end)
    {
        switch (state_)
        {
        case state::in_line:
            at = scan_line(at, end);
            break;
        case state::cr:
            if (*at == '\n')
            {
                ++at;
                state_ = state::line_start;
                line_bytes_ = 0;
                long_reported_ = false;
                break;
            }
            report(violation::bare_cr);
            state_ = state::in_line;
            break;
        case state::line_start:
            if (stuffed_ && *at == '.')
            {
                ++at;
                state_ = state::dot;
                break;
            }
            state_ = state::in_line;
            break;
        case state::dot:
            if (*at == '\r')
            {
                ++at;
                state_ = state::dot_cr;
                break;
            }
            if (*at != '.')
            {
                report(violation::unstuffed_dot);
            }
            line_bytes_ = 0; // the stuffing dot is not counted (section 4.5.3.1.6)
            state_ = state::in_line;
            break;
        case state::dot_cr:
            if (*at == '\n')
            {
                return static_cast<std::size_t>(at + 1 - chunk.data());
            }
            report(violation::bare_cr);
            state_ = state::in_line;
            break;
        }
    }
    return std::nullopt;
}

const char* body_scanner::scan_line(const char* at, const char* end)
{
    const auto left = static_cast<std::size_t>(end - at);
    const auto* lf = static_cast<const char*>(std::memchr(at, '\n', left));
    const char* const stop = lf == nullptr ? end : lf;
    const bool ends_in_cr = stop != at && stop[-1] == '\r';
    if (strict_ != nullptr)
    {
        inspect({at, static_cast<std::size_t>(stop - at) - (ends_in_cr ? 1 : 0)});
    }
    if (lf == nullptr)
    {
        state_ = ends_in_cr ? state::cr : state::in_line;
        return end;
    }
    if (ends_in_cr)
    {
        state_ = state::line_start;
        line_bytes_ = 0;
        long_reported_ = false;
        return lf + 1;
    }
    report(violation::bare_lf);
    ++line_bytes_;
    return lf + 1;
}

void body_scanner::inspect(std::string_view piece)
{
    // Octet-wide and without branches, so that the compiler makes vectors of it.
    unsigned char bits = 0;
    unsigned char has_cr = 0;
    unsigned char has_nul = 0;
    for (const char c : piece)
    {
        bits = static_cast<unsigned char>(bits | static_cast<unsigned char>(c));
        has_cr = static_cast<unsigned char>(has_cr | static_cast<unsigned char>(c == '\r'));
        has_nul = static_cast<unsigned char>(has_nul | static_cast<unsigned char>(c == '\0'));
    }
    eight_bit_ = eight_bit_ || (bits & 0x80U) != 0;
    for (auto left = has_cr == 0 ? 0 : std::count(piece.begin(), piece.end(), '\r'); left > 0;
         --left)
    {
        report(violation::bare_cr);
    }
    for (auto left = has_nul == 0 ? 0 : std::count(piece.begin(), piece.end(), '\0'); left > 0;
         --left)
    {
        report(violation::nul);
    }
    line_bytes_ += piece.size();
    if (line_bytes_ + 2 > line_bytes_max && !long_reported_)
    {
        long_reported_ = true;
        report(violation::long_line);
    }
}

} // namespace hikyaku::sink
