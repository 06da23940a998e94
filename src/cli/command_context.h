#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <hikyaku/base/json.h>
#include <hikyaku/cli/command_line.h>
#include <hikyaku/cli/diagnose.h>

#include <CLI/CLI.hpp>

namespace hikyaku::cli
{

/// Further exit statuses of client commands, beside those of diagnose.h.
enum client_exit : int
{
    /// No connection, or no answer that can be understood.
    exit_unreachable = 3,
    /// No valid key or token, or it may not do this.
    exit_unauthenticated = 4,
};

inline constexpr const char* default_config_file = "/etc/hikyaku/hikyaku.yaml";

/// Where the server is and who asks. Empty: look further (see client_session.h).
struct connection_options
{
    std::string url;
    std::string key_file;
    std::string platform_url;
    std::string token_file;
    std::string ca_file;
    std::string config_file;
};

/// One run of the command line: what the parser has filled in, and the command it chose. Commands
/// borrow it; it outlives them.
struct command_context
{
    explicit command_context(environment& e) : where(e) {}

    environment& where;
    connection_options connection;
    bool json = false;
    /// Set by the callback of the command that was given; run after parsing.
    std::function<int()> action;

    [[nodiscard]] std::ostream& out() const noexcept { return where.out; }
    [[nodiscard]] std::ostream& err() const noexcept { return where.err; }
};

/// Runs `what` when this command is chosen, after the whole line is parsed.
inline void on_chosen(CLI::App& command, command_context& ctx, std::function<int()> what)
{
    command.callback([&ctx, what = std::move(what)] { ctx.action = what; });
}

/// Options of every command that asks the tenants' listener, the platform's, or neither.
void add_json_option(CLI::App& command, command_context& ctx);
void add_tenant_options(CLI::App& command, command_context& ctx);
void add_platform_options(CLI::App& command, command_context& ctx);

/// `name` may be used with exactly one of its own commands.
[[nodiscard]] CLI::App& add_group(CLI::App& root, const char* name, const char* text);

void add_daemon_commands(CLI::App& root, command_context& ctx);
void add_tenant_commands(CLI::App& root, command_context& ctx);
void add_key_commands(CLI::App& root, command_context& ctx);
void add_domain_commands(CLI::App& root, command_context& ctx);
void add_contact_commands(CLI::App& root, command_context& ctx);
void add_campaign_commands(CLI::App& root, command_context& ctx);
void add_tail_command(CLI::App& root, command_context& ctx);
void add_queue_commands(CLI::App& root, command_context& ctx);
void add_status_commands(CLI::App& root, command_context& ctx);
void add_diagnose_commands(CLI::App& root, command_context& ctx);
void add_completion_command(CLI::App& root, command_context& ctx);

/// Every command of `hikyaku`.
[[nodiscard]] std::unique_ptr<CLI::App> make_command_tree(command_context& ctx);

} // namespace hikyaku::cli
