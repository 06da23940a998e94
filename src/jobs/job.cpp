#include <hikyaku/base/bytes.h>
#include <hikyaku/jobs/job.h>

namespace hikyaku::jobs
{
namespace
{

constexpr char job_kind_byte = 'j';
constexpr std::uint8_t row_version = 1;
constexpr std::uint8_t flag_cancel_requested = 1;
constexpr std::uint8_t flag_error_file = 2;

std::optional<json::object> read_object(byte_reader& in)
{
    auto parsed = parse_json(in.string());
    if (parsed.has_error() || !parsed->is_object())
    {
        return std::nullopt;
    }
    return std::move(parsed->get_object());
}

bool is_state(std::uint8_t raw)
{
    return raw >= static_cast<std::uint8_t>(job_state::queued) &&
           raw <= static_cast<std::uint8_t>(job_state::cancelled);
}

} // namespace

std::string_view to_string(job_state s) noexcept
{
    switch (s)
    {
    case job_state::queued:
        return "queued";
    case job_state::running:
        return "running";
    case job_state::done:
        return "done";
    case job_state::failed:
        return "failed";
    case job_state::cancelled:
        return "cancelled";
    }
    return "";
}

std::string job_key(std::uint64_t id)
{
    std::string key(1, job_kind_byte);
    put_be(key, id);
    return key;
}

std::string encode_job(const job& j)
{
    std::string out(1, static_cast<char>(row_version));
    out.push_back(static_cast<char>(j.state));
    out.push_back(static_cast<char>((j.cancel_requested ? flag_cancel_requested : 0) |
                                    (j.has_error_file ? flag_error_file : 0)));
    put_be(out, static_cast<std::uint64_t>(to_unix_ms(j.created)));
    put_be(out, static_cast<std::uint64_t>(j.finished ? to_unix_ms(*j.finished) : 0));
    put_string(out, j.kind);
    put_string(out, to_json_text(j.parameters));
    for (const auto* text : {&j.who.name, &j.who.group, &j.who.ip, &j.who.request_id})
    {
        put_string(out, *text);
    }
    put_varint(out, j.last.at.done);
    put_varint(out, j.last.at.total);
    put_string(out, to_json_text(j.last.counts));
    put_string(out, j.last.resume);
    put_string(out, j.failure_text);
    return out;
}

std::optional<job> decode_job(tenant_id tenant, std::string_view key, std::string_view value)
{
    byte_reader in(value);
    if (key.size() != 9 || key.front() != job_kind_byte || in.u8() != row_version)
    {
        return std::nullopt;
    }
    job j;
    j.id = get_be<std::uint64_t>(key.substr(1));
    j.tenant = tenant;
    const std::uint8_t state = in.u8();
    const std::uint8_t flags = in.u8();
    j.state = static_cast<job_state>(state);
    j.cancel_requested = (flags & flag_cancel_requested) != 0;
    j.has_error_file = (flags & flag_error_file) != 0;
    j.created = from_unix_ms(static_cast<std::int64_t>(in.be<std::uint64_t>()));
    const auto finished = static_cast<std::int64_t>(in.be<std::uint64_t>());
    if (finished != 0)
    {
        j.finished = from_unix_ms(finished);
    }
    j.kind = in.string();
    auto parameters = read_object(in);
    for (auto* text : {&j.who.name, &j.who.group, &j.who.ip, &j.who.request_id})
    {
        *text = in.string();
    }
    j.last.at.done = in.varint();
    j.last.at.total = in.varint();
    auto counts = read_object(in);
    j.last.resume = in.string();
    j.failure_text = in.string();
    if (!in.ok() || !in.at_end() || !is_state(state) || !parameters || !counts)
    {
        return std::nullopt;
    }
    j.parameters = std::move(*parameters);
    j.last.counts = std::move(*counts);
    return j;
}

} // namespace hikyaku::jobs
