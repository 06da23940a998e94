#include "readable_scan.h"

#include <algorithm>

namespace hikyaku::queue
{
namespace
{

/// Adds 2^bit to a big-endian number. @returns false when it does not fit
bool add_power(std::string& number, std::size_t bit)
{
    if (bit / 8 >= number.size())
    {
        return false;
    }
    std::size_t at = number.size() - 1 - bit / 8;
    unsigned carry = 1U << (bit % 8);
    while (carry != 0)
    {
        const unsigned sum = static_cast<unsigned char>(number[at]) + carry;
        number[at] = static_cast<char>(sum & 0xFFU);
        carry = sum >> 8U;
        if (carry != 0 && at-- == 0)
        {
            return false;
        }
    }
    return true;
}

} // namespace

readable_scan::readable_scan(const store::reader& from, std::string prefix, std::size_t key_bytes)
    : prefix_(std::move(prefix)),
      suffix_bytes_(key_bytes > prefix_.size() ? key_bytes - prefix_.size() : 1),
      it_(from.scan_prefix(prefix_))
{
    settle(prefix_);
}

bool readable_scan::fails_at(const std::string& suffix)
{
    it_.seek(prefix_ + suffix);
    return !it_.valid() && it_.status().has_error();
}

/// After a move: the cursor stands on a key, or at the end, or on damage that began behind `from`.
void readable_scan::settle(std::string from)
{
    valid_ = it_.valid();
    if (valid_ || !it_.status().has_error())
    {
        return;
    }
    stepped_over_ = true;
    std::string bad = from.substr(prefix_.size());
    bad.resize(suffix_bytes_, '\0');
    std::size_t bit = 0;
    const std::size_t bits = suffix_bytes_ * 8;
    while (bit < bits)
    {
        std::string far = bad;
        if (!add_power(far, bit))
        {
            break;
        }
        if (!fails_at(far))
        {
            break;
        }
        bad = std::move(far);
        ++bit;
    }
    // Damage lies at `bad`, none at `bad` + 2^bit, or the range ends before that.
    for (std::size_t b = std::min(bit, bits); b-- > 0;)
    {
        std::string middle = bad;
        if (add_power(middle, b) && fails_at(middle))
        {
            bad = std::move(middle);
        }
    }
    if (add_power(bad, 0) && !fails_at(bad))
    {
        valid_ = it_.valid();
    }
}

void readable_scan::next()
{
    std::string from(it_.key());
    it_.next();
    settle(std::move(from));
}

void readable_scan::seek(std::string_view key)
{
    if (!key.starts_with(prefix_))
    {
        valid_ = false; // behind the last key of the prefix
        return;
    }
    it_.seek(key);
    settle(std::string(key));
}

} // namespace hikyaku::queue
