#include "client_session.h"
#include "command_context.h"
#include "json_line.h"
#include "server_address.h"

#include <hikyaku/app/serve.h>
#include <hikyaku/config/load.h>

namespace hikyaku::cli
{
namespace
{

std::string config_file_of(const command_context& ctx)
{
    const auto file = option_or_variable(ctx, ctx.connection.config_file, "HIKYAKU_CONFIG");
    return file.empty() ? default_config_file : file;
}

void print_errors(command_context& ctx, const config::config_errors& errors)
{
    for (const auto& e : errors)
    {
        if (ctx.json)
        {
            ctx.out() << json_line()
                             .text("file", e.file)
                             .number("line", static_cast<std::size_t>(std::max(e.line, 0)))
                             .number("column", static_cast<std::size_t>(std::max(e.column, 0)))
                             .text("path", e.path)
                             .text("text", e.text)
                             .finish();
        }
        else
        {
            ctx.err() << config::to_string(e) << '\n';
        }
    }
}

int check(command_context& ctx)
{
    const auto file = config_file_of(ctx);
    const auto settings = config::load(file);
    if (settings.has_error())
    {
        print_errors(ctx, settings.error());
        return exit_usage;
    }
    const auto shaping = config::load_shaping(settings->shaping);
    if (shaping.has_error())
    {
        print_errors(ctx, shaping.error());
        return exit_usage;
    }
    const auto rules = config::load_bounce_rules(settings->bounce_rules);
    if (rules.has_error())
    {
        print_errors(ctx, rules.error());
        return exit_usage;
    }
    if (!ctx.json)
    {
        ctx.out() << file << ": ok\n"
                  << (settings->shaping.empty() ? "built-in shaping" : settings->shaping)
                  << ": ok\n"
                  << (settings->bounce_rules.empty() ? "built-in bounce rules"
                                                     : settings->bounce_rules)
                  << ": ok, " << (*rules)->rules().size() << " rules\n";
    }
    return exit_ok;
}

int serve(command_context& ctx, bool accept_gap)
{
    app::serve_options options;
    options.config_file = config_file_of(ctx);
    options.accept_gap = accept_gap;
    return app::serve(options);
}

int version(command_context& ctx)
{
    if (ctx.json)
    {
        ctx.out() << json_line().text("version", HK_VERSION).finish();
    }
    else
    {
        ctx.out() << "hikyaku " HK_VERSION "\n";
    }
    return exit_ok;
}

} // namespace

void add_daemon_commands(CLI::App& root, command_context& ctx)
{
    auto* run = root.add_subcommand("serve", "Run the daemon until SIGTERM");
    run->add_option("--config", ctx.connection.config_file, "hikyaku.yaml");
    const auto accept = std::make_shared<bool>(false);
    run->add_flag("--accept-gap", *accept,
                  "Deliver although acknowledged data is missing after a damaged log");
    run->footer("Example:\n  hikyaku serve --config /etc/hikyaku/hikyaku.yaml");
    on_chosen(*run, ctx, [&ctx, accept] { return serve(ctx, *accept); });

    auto* look = root.add_subcommand(
        "check", "Check the configuration, the shaping file and the bounce rules");
    look->add_option("--config", ctx.connection.config_file, "hikyaku.yaml");
    add_json_option(*look, ctx);
    look->footer("Every mistake is printed as file:line:column: text, and the exit status is 2.");
    on_chosen(*look, ctx, [&ctx] { return check(ctx); });

    auto* tell = root.add_subcommand("version", "Print the version");
    add_json_option(*tell, ctx);
    on_chosen(*tell, ctx, [&ctx] { return version(ctx); });
}

} // namespace hikyaku::cli
