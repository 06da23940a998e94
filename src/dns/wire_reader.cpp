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
        if (any_name_bytes_ ? !is_any_label_byte(c) : !is_label_byte(c))
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

std::uint8_t wire_reader::name_byte(std::size_t pos) noexcept
{
    if (pos >= message_.size())
    {
        fail("cut off inside a name");
        return 0;
    }
    return static_cast<std::uint8_t>(message_[pos]);
}

void wire_reader::follow_pointer(name_cursor& cursor) noexcept
{
    const std::size_t high = name_byte(cursor.pos) & ~pointer_mark;
    const std::size_t target = (high << 8) | name_byte(cursor.pos + 1);
    if (ok() && (target >= cursor.limit || ++cursor.jumps > pointer_jumps_max))
    {
        fail("a compression pointer that does not point backwards");
    }
    cursor.after = cursor.after.value_or(cursor.pos + 2);
    cursor.pos = target;
    cursor.limit = target;
}

std::string wire_reader::name()
{
    std::string out;
    name_cursor cursor{at_, at_};
    while (ok())
    {
        const std::uint8_t head = name_byte(cursor.pos);
        if (head == 0 && ok())
        {
            at_ = cursor.after.value_or(cursor.pos + 1);
            return out;
        }
        if ((head & pointer_mark) == pointer_mark)
        {
            follow_pointer(cursor);
        }
        else if ((head & pointer_mark) != 0)
        {
            fail("a reserved label type");
        }
        else if (ok() && append_label(out, cursor.pos + 1, head))
        {
            cursor.pos += 1U + head;
        }
    }
    return {};
}

} // namespace hikyaku::dns
