#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

#include "wire.h"

namespace hikyaku::http
{

/// Cuts the body out of a byte stream (RFC 9112 sections 6 and 7). Pure: no I/O, no clock.
///
/// Chunk sizes are 1 to 16 hexadecimal digits, extensions are skipped, trailer fields are checked
/// for shape and dropped. One decoder per body.
class body_decoder
{
public:
    /// A chunk's size with its extensions, or one trailer field.
    static constexpr std::size_t line_bytes_max = 1024;
    static constexpr std::size_t trailers_max = 32;

    body_decoder(framing how, std::uint64_t content_length) noexcept;

    /// Takes bytes from the front of `input`; bytes after the body stay.
    /// @returns the next piece of the body: a part of what `input` was. Empty: done, or `input`
    ///          ran out.
    /// @error 400 the chunks are malformed: framing is lost
    [[nodiscard]] result<std::string_view, refusal> consume(std::string_view& input);

    [[nodiscard]] bool done() const noexcept { return state_ == state::done; }
    /// The stream has ended. @returns whether the body is whole
    [[nodiscard]] bool end_of_stream() noexcept;

private:
    enum class state
    {
        data,       ///< remaining_ bytes of Content-Length follow
        chunk_size, ///< collecting a chunk's first line
        chunk_data, ///< remaining_ bytes of the chunk follow
        chunk_end,  ///< the CRLF after them
        trailer,    ///< collecting a trailer line; an empty one ends the body
        to_close,   ///< everything is body
        done,
    };
    [[nodiscard]] std::string_view take_data(std::string_view& input, state next) noexcept;
    enum class line_end
    {
        missing, ///< input ran out
        found,   ///< line_ is complete
        wrong,   ///< a bare CR or LF, a control character, or too long
    };
    /// Collects up to CRLF.
    [[nodiscard]] line_end take_line(std::string_view& input);
    [[nodiscard]] bool start_chunk() noexcept;
    [[nodiscard]] result<void, refusal> consume_line(std::string_view& input);

    state state_;
    std::uint64_t remaining_ = 0;
    /// Without its CR once complete.
    std::string line_;
    std::size_t trailers_ = 0;
};

} // namespace hikyaku::http
