// store_compact CONFIG: compacts the store of a daemon that has stopped and prints, as JSON, the
// bytes of its live files: what the data takes on disk.
#include <hikyaku/config/load.h>
#include <hikyaku/config/options.h>

#include <cstdio>
#include <filesystem>

int main(int argc, char** argv)
{
    using namespace hikyaku;
    if (argc != 2)
    {
        std::fputs("usage: store_compact CONFIG\n", stderr);
        return 2;
    }
    const auto settings = config::load(argv[1]);
    if (settings.has_error())
    {
        std::fputs("store_compact: the configuration is wrong\n", stderr);
        return 1;
    }
    auto options = config::make_store_options(*settings);
    options.path = (std::filesystem::path(settings->data_dir) / "store").string();
    options.create_if_missing = false;
    const auto db = store::database::open(options);
    if (db.has_error())
    {
        std::fputs("store_compact: the store does not open\n", stderr);
        return 1;
    }
    (*db)->compact_all();
    std::printf("{\"bytes\":%llu}\n", static_cast<unsigned long long>((*db)->disk_bytes()));
    return 0;
}
