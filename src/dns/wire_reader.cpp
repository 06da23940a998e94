#include "wire_reader.h"

#include <hikyaku/dns/message.h>
#include <hikyaku/dns/name.h>

#include "name_bytes.h"

namespace hikyaku::dns
{

namespace
{

constexpr std::uint8_t pointer_mark = 0xC0;

} // namespace

void wire_reader::fail(const char* why) noexcept
{
    if (error_ == nullptr)
    {
        error_ = why;
    }
    at_ = message_.size();
}

std::string_view wire_reader::bytes(std::size_t size) noexcept
{
    if (!ok() || size > message_.size() - at_)
    {
        fail("cut off");
        return {};
    }
    const std::string_view part = message_.substr(at_, size);
    at_ += size;
    return part;
}

bool wire_reader::append_label(std::string& out, std::size_t at, std::size_t size)
{
    if (size > message_.size() - at)
    {
        fail("cut off inside a name");
        return false;
    }
    if (!out.empty())
    {
        out.push_back('.');
    }
    for (const char c : message_.substr(at, size))
    {
        if (!is_label_byte(c))
        {
            fail("a byte in a name that is not printing ASCII, or a dot in a label");
            return false;
        }
        out.push_back(lower(c));
    }
    if (out.size() > name_text_bytes_max)
    {
        fail("a name over 255 bytes");
        return false;
    }
    return true;
}

std::string wire_reader::name()
{
    std::string out;
    std::size_t pos = at_;
    // Pointers go to something earlier than the name, or part of a name, that holds them.
    std::size_t limit = at_;
    std::size_t jumps = 0;
    std::optional<std::size_t> after;
    while (ok())
    {
        if (pos >= message_.size())
        {
            fail("cut off inside a name");
            break;
        }
        const auto head = static_cast<std::uint8_t>(message_[pos]);
        if (head == 0)
        {
            at_ = after.value_or(pos + 1);
            return out;
        }
        if ((head & pointer_mark) == pointer_mark)
        {
            if (pos + 1 >= message_.size())
            {
                fail("cut off inside a name");
                break;
            }
            const std::size_t target = (static_cast<std::size_t>(head & ~pointer_mark) << 8) |
                                       static_cast<std::uint8_t>(message_[pos + 1]);
            if (target >= limit || ++jumps > pointer_jumps_max)
            {
                fail("a compression pointer that does not point backwards");
                break;
            }
            after = after.value_or(pos + 2);
            pos = target;
            limit = target;
        }
        else if ((head & pointer_mark) != 0)
        {
            fail("a reserved label type");
        }
        else if (append_label(out, pos + 1, head))
        {
            pos += 1U + head;
        }
    }
    return {};
}

} // namespace hikyaku::dns
