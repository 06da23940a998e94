#include "idempotent_run.h"

#include <hikyaku/api/problems.h>
#include <hikyaku/crypto/sha256.h>

#include <array>
#include <fstream>

namespace hikyaku::api
{
namespace
{

constexpr std::size_t chunk_bytes = 64u << 10;

http::response refuse(unsigned status, std::string code, std::string detail)
{
    return http::response::problem(
        {.status = status, .code = std::move(code), .detail = std::move(detail)});
}

std::string_view raw_path(const http::request& r)
{
    const std::string_view target(r.target);
    return target.substr(0, target.find('?'));
}

/// SHA-256 over query, content type and body; nullopt when the spooled body can't be read.
std::optional<std::string> fingerprint_of(const http::request& r)
{
    crypto::sha256_stream sum;
    const std::string_view target(r.target);
    sum.update(target.substr(std::min(raw_path(r).size(), target.size())));
    sum.update(std::string_view("\0", 1));
    sum.update(r.header("Content-Type").value_or(""));
    sum.update(std::string_view("\0", 1));
    if (r.body_file.empty())
    {
        sum.update(r.body);
    }
    else
    {
        std::ifstream in(r.body_file, std::ios::binary);
        std::vector<char> chunk(chunk_bytes);
        while (in)
        {
            in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
            sum.update({chunk.data(), static_cast<std::size_t>(in.gcount())});
        }
        if (!in.eof())
        {
            return std::nullopt;
        }
    }
    return std::string(crypto::as_bytes(sum.finish()));
}

http::response replayed(http::response out)
{
    out.set_header("Idempotency-Replayed", "true");
    return out;
}

http::response replay_answer(idempotency::answer a)
{
    http::response out;
    out.status = a.status;
    out.content_type = std::move(a.content_type);
    out.headers = std::move(a.headers);
    out.body = std::move(a.body);
    return replayed(std::move(out));
}

/// Runs the handler and keeps a good answer.
http::response run_fresh(const idempotent_route& how, idempotency::ticket ticket)
{
    auto out = how.run(ticket);
    const bool good = out.status < 300 && !out.stream && out.body_file.empty();
    if (good && how.keeps_answer)
    {
        ticket.keep({out.status, out.content_type, out.headers, out.body});
    }
    return out;
}

} // namespace

http::response run_idempotent(idempotency& keys, const http::request& r,
                              const idempotent_route& how)
{
    const auto key = *r.header("Idempotency-Key");
    if (r.headers.count("Idempotency-Key") != 1 || !idempotency::valid_key(key))
    {
        return refuse(400, "invalid_idempotency_key",
                      "An Idempotency-Key is one field of 1 to 255 printable ASCII characters.");
    }
    auto fingerprint = fingerprint_of(r);
    if (!fingerprint)
    {
        return unavailable("storage_failed", "The body could not be read back.");
    }
    auto known = keys.begin(how.owner, {r.method, raw_path(r), key, std::move(*fingerprint)});
    switch (known.what)
    {
    case idempotency::verdict::fresh:
        return run_fresh(how, std::move(*known.mine));
    case idempotency::verdict::replay:
        return replay_answer(std::move(*known.before));
    case idempotency::verdict::replay_object:
        return replayed(how.replay(known.object));
    case idempotency::verdict::reused:
        return refuse(409, "idempotency_key_reused",
                      "Another request has used this Idempotency-Key.");
    case idempotency::verdict::in_progress:
        return refuse(409, "idempotency_in_progress",
                      "A request with this Idempotency-Key is still running.");
    case idempotency::verdict::unavailable:
        return unavailable("store_damaged", "The record of this Idempotency-Key can't be read.");
    }
    __builtin_unreachable();
}

} // namespace hikyaku::api
