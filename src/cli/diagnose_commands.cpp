#include "command_context.h"

namespace hikyaku::cli
{
namespace
{

void add_address(CLI::App& root, command_context& ctx)
{
    auto* command = root.add_subcommand("address", "Check and normalise addresses");
    const auto o = std::make_shared<address_options>();
    command->add_option("ADDR", o->addresses, "Addresses; none: one per line of standard input");
    add_json_option(*command, ctx);
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_address(*o, ctx.where.in, ctx.out(), ctx.err());
              });
}

void add_dkim_verify(CLI::App& group, command_context& ctx)
{
    auto* command = group.add_subcommand("verify", "Verify a message's signatures");
    const auto o = std::make_shared<dkim_verify_options>();
    command->add_option("FILE", o->file, "The message; default: standard input");
    command->add_option("--dns", o->dns, "Resolver, HOST:PORT");
    add_json_option(*command, ctx);
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_dkim_verify(*o, ctx.where.in, ctx.out(), ctx.err());
              });
}

void add_dkim_sign(CLI::App& group, command_context& ctx)
{
    auto* command = group.add_subcommand("sign", "Sign a message; prints it with CRLF line ends");
    const auto o = std::make_shared<dkim_sign_options>();
    command->add_option("--key", o->key, "File of the private key (PEM)")->required();
    command->add_option("--domain", o->domain, "d=")->required();
    command->add_option("--selector", o->selector, "s=")->required();
    command->add_option("FILE", o->file, "The message; default: standard input");
    on_chosen(*command, ctx,
              [&ctx, o] { return run_dkim_sign(*o, ctx.where.in, ctx.out(), ctx.err()); });
}

void add_dkim_keygen(CLI::App& group, command_context& ctx)
{
    auto* command = group.add_subcommand("keygen", "Make a key and its DNS record");
    const auto o = std::make_shared<dkim_keygen_options>();
    command->add_option("--type", o->type, "Kind of key")
        ->check(CLI::IsMember({"rsa", "ed25519"}))
        ->capture_default_str();
    command->add_option("--domain", o->domain, "For the record's name");
    command->add_option("--selector", o->selector, "For the record's name");
    command->add_option("--key-out", o->key_file, "New file for the key, readable by you only");
    add_json_option(*command, ctx);
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_dkim_keygen(*o, ctx.out(), ctx.err());
              });
}

void add_render(CLI::App& root, command_context& ctx)
{
    auto* command = root.add_subcommand("render", "Render a template");
    const auto o = std::make_shared<render_options>();
    command->add_option("--template", o->template_file, "The template; - is standard input")
        ->required();
    command->add_option("--data", o->data_file, "JSON object with the data");
    command->add_flag("--html", o->html, "Escape for HTML");
    add_json_option(*command, ctx);
    command->footer("Example:\n  hikyaku render --template news.html --data one.json --html");
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_render(*o, ctx.where.in, ctx.out(), ctx.err());
              });
}

void add_mx(CLI::App& root, command_context& ctx)
{
    auto* command = root.add_subcommand("mx", "Where mail for a domain would go");
    const auto o = std::make_shared<mx_options>();
    command->add_option("DOMAIN", o->domain, "Domain of the recipient")->required();
    command->add_option("--dns", o->dns, "Resolver, HOST:PORT");
    add_json_option(*command, ctx);
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_mx(*o, ctx.out(), ctx.err());
              });
}

void add_spf(CLI::App& root, command_context& ctx)
{
    auto* command = root.add_subcommand("spf", "What a sender's SPF record says about a client");
    const auto o = std::make_shared<spf_options>();
    command->add_option("--ip", o->ip, "Address of the client")->required();
    command->add_option("--from", o->from, "Sender (MAIL FROM); empty: postmaster of --helo");
    command->add_option("--helo", o->helo, "Name the client gives");
    command->add_option("--receiver", o->receiver, "Our name, for %{r} of explanations");
    command->add_option("--dns", o->dns, "Resolver, HOST:PORT");
    add_json_option(*command, ctx);
    command->footer("Example:\n  hikyaku spf --ip 192.0.2.1 --from news@shop.example "
                    "--helo mail.shop.example");
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_spf(*o, ctx.out(), ctx.err());
              });
}

void add_csv(CLI::App& root, command_context& ctx)
{
    auto* command = root.add_subcommand("csv", "Look at a CSV file before importing it");
    const auto o = std::make_shared<csv_options>();
    command->add_option("FILE", o->file, "The file; default: standard input");
    add_json_option(*command, ctx);
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_csv(*o, ctx.where.in, ctx.out(), ctx.err());
              });
}

void add_classify(CLI::App& root, command_context& ctx)
{
    auto* command = root.add_subcommand("classify", "What replies of mail servers mean");
    const auto o = std::make_shared<classify_options>();
    command->add_option("FILE", o->files, "One reply per line; none: standard input");
    command->add_option("--stage", o->stage, "Where in the session")
        ->check(CLI::IsMember({"connect", "banner", "ehlo", "starttls", "tls", "mail", "rcpt",
                               "data", "body", "final_dot"}))
        ->capture_default_str();
    command->add_option("--mx", o->mx, "Name of the host that said it");
    command->add_option("--domain", o->domain, "The recipient's domain");
    command->add_option("--rules", o->rules, "File of rules; default: the built-in ones");
    add_json_option(*command, ctx);
    command->footer("Example:\n  echo '550 5.1.1 No such user' | hikyaku classify --stage rcpt");
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_classify(*o, ctx.where.in, ctx.out(), ctx.err());
              });
}

void add_bounce(CLI::App& root, command_context& ctx)
{
    auto* command = root.add_subcommand("bounce", "What messages that came back say");
    const auto o = std::make_shared<bounce_options>();
    command->add_option("FILE", o->files, "One message each; none or -: standard input");
    command->add_option("--rules", o->rules, "File of rules; default: the built-in ones");
    add_json_option(*command, ctx);
    on_chosen(*command, ctx,
              [&ctx, o]
              {
                  o->json = ctx.json;
                  return run_bounce(*o, ctx.where.in, ctx.out(), ctx.err());
              });
}

} // namespace

void add_diagnose_commands(CLI::App& root, command_context& ctx)
{
    add_address(root, ctx);
    auto& dkim = add_group(root, "dkim", "DKIM signatures and keys");
    add_dkim_verify(dkim, ctx);
    add_dkim_sign(dkim, ctx);
    add_dkim_keygen(dkim, ctx);
    add_render(root, ctx);
    add_mx(root, ctx);
    add_spf(root, ctx);
    add_csv(root, ctx);
    add_classify(root, ctx);
    add_bounce(root, ctx);
}

} // namespace hikyaku::cli
