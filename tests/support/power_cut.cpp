#include "fault_env.h"

#include <fstream>
#include <map>
#include <random>
#include <vector>

namespace hikyaku::test
{

namespace fs = std::filesystem;

namespace
{

using kind = disk_history::kind;
using event = disk_history::event;
using names = std::map<std::string, std::uint32_t>;

void take_place(names& ns, const event& e)
{
    const std::string name = e.name.data();
    switch (e.what)
    {
    case kind::create:
        ns[name] = e.file;
        break;
    case kind::unlink:
        ns.erase(name);
        break;
    case kind::rename:
        ns[e.to.data()] = ns.at(name);
        ns.erase(name);
        break;
    case kind::sync_file:
    case kind::sync_directory:
        break;
    }
}

} // namespace

void cut_power(const fs::path& dir, const fs::path& shadow, disk_history& history, survival how,
               std::uint64_t seed)
{
    std::mt19937_64 random(seed);
    names durable;
    std::vector<event> pending;
    std::map<std::uint32_t, std::uint64_t> synced;
    for (std::size_t i = 0; i < history.size(); ++i)
    {
        const event& e = history.at(i);
        if (e.what == kind::sync_file)
        {
            synced[e.file] = std::max(synced[e.file], e.size);
        }
        else if (e.what == kind::sync_directory)
        {
            for (const auto& p : pending)
            {
                take_place(durable, p);
            }
            pending.clear();
        }
        else
        {
            pending.push_back(e);
        }
    }
    // A journalling file system keeps the order of names: some first part of them survives.
    const std::size_t kept = how == survival::synced ? 0
                             : how == survival::torn ? random() % (pending.size() + 1)
                                                     : pending.size();
    for (std::size_t i = 0; i < kept; ++i)
    {
        take_place(durable, pending[i]);
    }
    fs::remove_all(dir);
    fs::create_directories(dir);
    for (const auto& [name, file] : durable)
    {
        const fs::path from = shadow / std::to_string(file);
        const std::uint64_t size = fs::file_size(from);
        const std::uint64_t sure = std::min(size, synced[file]);
        const std::uint64_t rest = size - sure;
        const std::uint64_t keep = how == survival::synced ? 0
                                   : how == survival::torn ? random() % (rest + 1)
                                                           : rest;
        fs::copy_file(from, dir / name);
        fs::resize_file(dir / name, sure + keep);
    }
    fs::remove_all(shadow);
    history.clear();
}

} // namespace hikyaku::test
