#include "scenario.h"

#include <hikyaku/base/log.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace
{

using namespace hikyaku;

/// Without arguments; libs.cmake has the other half of a test run.
constexpr std::uint64_t first_seed = 1;
constexpr std::uint64_t last_seed = 250;
/// Every so many seeds a run is repeated: it must be the same.
constexpr std::uint64_t repeat_every = 25;

struct range
{
    std::uint64_t first = first_seed;
    std::uint64_t last = last_seed;
    bool verbose = false;
};

struct run_result
{
    bool kept = false;
    std::uint64_t hash = 0;
};

run_result run(std::uint64_t seed, bool verbose)
{
    sim::world w(seed, verbose);
    const auto expected = sim::make_scenario(w, seed);
    w.start(true);
    w.run(sim::scenario_max);
    if (w.broken().empty() && !w.is_up())
    {
        w.report("the machine stays down");
    }
    if (w.broken().empty())
    {
        sim::check_promises(w, expected);
    }
    if (!w.broken().empty() && !verbose)
    {
        std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
        for (const auto& line : w.log().last())
        {
            std::printf("    %s\n", line.c_str());
        }
        std::printf("  replay: sim_delivery --seed %llu\n", static_cast<unsigned long long>(seed));
    }
    return {w.broken().empty(), w.log().hash()};
}

bool parse(std::string_view text, std::uint64_t& out)
{
    const auto end = text.data() + text.size();
    const auto r = std::from_chars(text.data(), end, out);
    return r.ec == std::errc{} && r.ptr == end;
}

bool parse_arguments(int argc, char** argv, range& out)
{
    if (argc == 1)
    {
        return true;
    }
    const std::string_view option = argv[1];
    const std::string_view value = argc == 3 ? argv[2] : "";
    if (option == "--seed")
    {
        out.verbose = true;
        const bool ok = parse(value, out.first);
        out.last = out.first;
        return ok;
    }
    const auto dash = value.find('-');
    return option == "--seeds" && dash != std::string_view::npos &&
           parse(value.substr(0, dash), out.first) && parse(value.substr(dash + 1), out.last) &&
           out.first <= out.last;
}

} // namespace

int main(int argc, char** argv)
{
    range seeds;
    if (!parse_arguments(argc, argv, seeds))
    {
        std::puts("usage: sim_delivery [--seed N | --seeds A-B]");
        return 2;
    }
    log::open(seeds.verbose ? "" : "/dev/null", log::level::info);
    (void)std::setvbuf(stdout, nullptr, _IOLBF, 4096);
    unsigned failed = 0;
    for (auto seed = seeds.first; seed <= seeds.last; ++seed)
    {
        const auto once = run(seed, seeds.verbose);
        failed += once.kept ? 0 : 1;
        if (once.kept && seed % repeat_every == 0 && run(seed, false).hash != once.hash)
        {
            std::printf("seed %llu: two runs differ\n", static_cast<unsigned long long>(seed));
            ++failed;
        }
    }
    std::printf("%llu seeds, %u failed\n",
                static_cast<unsigned long long>(seeds.last - seeds.first + 1), failed);
    return failed == 0 ? 0 : 1;
}
