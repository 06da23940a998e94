#include <hikyaku/identity/key_rotation.h>

#include <hikyaku/crypto/secret_text.h>

#include <algorithm>

namespace hikyaku::identity
{
namespace
{

bool is_expired(const dkim_key_row& key, wall_time now, milliseconds retire_after)
{
    return key.state == key_state::retiring && key.since && now - *key.since >= retire_after;
}

/// Takes one sighting into the key's row; true when it has been there long enough.
bool take_sighting(dkim_key_row& key, const std::vector<key_sighting>& seen, wall_time now,
                   bool& changed)
{
    const auto found = std::find_if(seen.begin(), seen.end(), [&](const key_sighting& s)
                                    { return s.selector == key.selector; });
    if (found == seen.end() || found->what == key_sighting::kind::unknown)
    {
        return false;
    }
    if (found->what == key_sighting::kind::missing)
    {
        changed = changed || key.seen.has_value();
        key.seen.reset();
        key.ttl = seconds{0};
        return false;
    }
    // The clock may have been set back.
    if (!key.seen || *key.seen > now)
    {
        key.seen = now;
        changed = true;
    }
    if (found->ttl > key.ttl)
    {
        key.ttl = found->ttl;
        changed = true;
    }
    return now - *key.seen >= key.ttl;
}

void move_key(dkim_key_row& key, key_state to, wall_time now, key_changes& out)
{
    out.events.push_back({key.selector, key.state, to});
    out.changed = true;
    key.state = to;
    key.since = now;
}

} // namespace

const char* to_string(key_state state) noexcept
{
    switch (state)
    {
    case key_state::pending:
        return "pending";
    case key_state::active:
        return "active";
    case key_state::retiring:
        return "retiring";
    case key_state::gone:
        return "gone";
    }
    __builtin_unreachable();
}

bool has_expired_key(const std::vector<dkim_key_row>& keys, wall_time now,
                     milliseconds retire_after)
{
    return std::any_of(keys.begin(), keys.end(),
                       [&](const dkim_key_row& key) { return is_expired(key, now, retire_after); });
}

key_changes advance_keys(std::vector<dkim_key_row>& keys, const std::vector<key_sighting>& seen,
                         wall_time now, milliseconds retire_after)
{
    key_changes out;
    bool all_seen = true;
    bool any_pending = false;
    for (auto& key : keys)
    {
        if (key.state == key_state::pending)
        {
            any_pending = true;
            const bool ready = take_sighting(key, seen, now, out.changed);
            all_seen = all_seen && ready;
        }
        else if (is_expired(key, now, retire_after))
        {
            crypto::wipe(key.sealed_private_key);
            key.sealed_private_key.clear();
            move_key(key, key_state::gone, now, out);
        }
    }
    if (!any_pending || !all_seen)
    {
        return out;
    }
    // Of those that are gone only the newest are still told about.
    std::erase_if(keys, [](const dkim_key_row& key) { return key.state == key_state::gone; });
    for (auto& key : keys)
    {
        if (key.state == key_state::active)
        {
            move_key(key, key_state::retiring, now, out);
        }
        else if (key.state == key_state::pending)
        {
            move_key(key, key_state::active, now, out);
        }
    }
    return out;
}

} // namespace hikyaku::identity
