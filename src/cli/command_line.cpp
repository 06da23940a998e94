#include "command_context.h"
#include "trace_command.h"

#include <cstdlib>
#include <exception>
#include <iostream>

#include <sys/ioctl.h>
#include <unistd.h>

namespace hikyaku::cli
{
namespace
{

constexpr const char* tree_footer =
    "Server and credentials: --url or HIKYAKU_URL, --key-file or HIKYAKU_KEY_FILE; for the\n"
    "operator --platform-url or HIKYAKU_PLATFORM_URL, --token-file or HIKYAKU_TOKEN_FILE;\n"
    "else the configuration (--config or HIKYAKU_CONFIG, /etc/hikyaku/hikyaku.yaml).\n\n"
    "Exit status: 0 done, 1 refused or failed, 2 usage or configuration, 3 the server can't be\n"
    "reached, 4 not authenticated or not allowed.\n\n"
    "Examples:\n"
    "  hikyaku check --config hikyaku.yaml\n"
    "  hikyaku tenant create Shop --admin-email admin@shop.example --key-out shop.key\n"
    "  HIKYAKU_KEY_FILE=shop.key hikyaku campaign submit news.json --follow\n"
    "  hikyaku tail -f --disposition bounced";

unsigned terminal_columns()
{
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

} // namespace

void add_json_option(CLI::App& command, command_context& ctx)
{
    command.add_flag("--json", ctx.json, "Print JSON, one object per line");
}

void add_tenant_options(CLI::App& command, command_context& ctx)
{
    add_json_option(command, ctx);
    auto& c = ctx.connection;
    command.add_option("--url", c.url, "The server: http://…, https://… or unix:/path");
    command.add_option("--key-file", c.key_file, "File with the API key");
    command.add_option("--ca-file", c.ca_file, "PEM of the CAs trusted for https");
    command.add_option("--config", c.config_file, "Configuration that names the server");
}

void add_platform_options(CLI::App& command, command_context& ctx)
{
    add_json_option(command, ctx);
    auto& c = ctx.connection;
    command.add_option("--platform-url", c.platform_url,
                       "The platform listener: http://…, https://… or unix:/path");
    command.add_option("--token-file", c.token_file, "File with the operator's token");
    command.add_option("--ca-file", c.ca_file, "PEM of the CAs trusted for https");
    command.add_option("--config", c.config_file, "Configuration that names listener and token");
}

CLI::App& add_group(CLI::App& root, const char* name, const char* text)
{
    auto* group = root.add_subcommand(name, text);
    group->require_subcommand(1);
    return *group;
}

std::unique_ptr<CLI::App> make_command_tree(command_context& ctx)
{
    auto root = std::make_unique<CLI::App>("Hikyaku sends mail: the daemon, its client, and "
                                           "diagnostics that need no daemon.",
                                           "hikyaku");
    root->require_subcommand(1);
    root->footer(tree_footer);
    root->set_version_flag("--version", "hikyaku " HK_VERSION);
    add_daemon_commands(*root, ctx);
    add_status_commands(*root, ctx);
    add_tenant_commands(*root, ctx);
    add_key_commands(*root, ctx);
    add_domain_commands(*root, ctx);
    add_contact_commands(*root, ctx);
    add_campaign_commands(*root, ctx);
    add_tail_command(*root, ctx);
    add_queue_commands(*root, ctx);
    add_trace_commands(*root, ctx);
    add_diagnose_commands(*root, ctx);
    add_completion_command(*root, ctx);
    return root;
}

int run(const std::vector<std::string>& arguments, environment& where)
{
    command_context ctx(where);
    const auto root = make_command_tree(ctx);
    try
    {
        // CLI11 takes them last one first.
        root->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
        const int status = ctx.action();
        where.out.flush();
        if (!where.out)
        {
            where.err << "hikyaku: the output could not be written\n";
            return exit_negative;
        }
        return status;
    }
    catch (const CLI::ParseError& e)
    {
        return root->exit(e, where.out, where.err) == 0 ? exit_ok : exit_usage;
    }
    catch (const std::exception& e)
    {
        where.err << "hikyaku: " << e.what() << '\n';
        return exit_negative;
    }
}

int run(int argc, const char* const* argv)
{
    environment where{.in = std::cin,
                      .out = std::cout,
                      .err = std::cerr,
                      .terminal = ::isatty(STDOUT_FILENO) == 1,
                      .columns = terminal_columns(),
                      .variable =
                          [](const char* name)
                      {
                          const char* value = std::getenv(name);
                          return value == nullptr ? std::optional<std::string>()
                                                  : std::optional<std::string>(value);
                      },
                      .wait = {}};
    return run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc), where);
}

} // namespace hikyaku::cli
