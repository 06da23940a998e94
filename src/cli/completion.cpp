#include "completion.h"

#include "command_context.h"

namespace hikyaku::cli
{
namespace
{

struct branch
{
    /// " campaign submit"; empty for the root.
    std::string path;
    std::string words;
};

void collect(const CLI::App& command, const std::string& path, std::vector<branch>& out)
{
    branch here{path, {}};
    const auto subcommands = command.get_subcommands([](const CLI::App*) { return true; });
    for (const auto* s : subcommands)
    {
        here.words += s->get_name() + " ";
    }
    for (const auto* o : command.get_options())
    {
        for (const auto& name : o->get_lnames())
        {
            here.words += "--" + name + " ";
        }
        for (const auto& name : o->get_snames())
        {
            here.words += "-" + name + " ";
        }
    }
    if (!here.words.empty())
    {
        here.words.pop_back();
    }
    out.push_back(std::move(here));
    for (const auto* s : subcommands)
    {
        collect(*s, path + " " + s->get_name(), out);
    }
}

} // namespace

std::string bash_completion(const CLI::App& root)
{
    std::vector<branch> branches;
    collect(root, "", branches);
    std::string known;
    std::string cases;
    for (const auto& b : branches)
    {
        if (!b.path.empty())
        {
            known += (known.empty() ? "" : "|") + ("\"" + b.path + "\"");
        }
        cases += "    \"" + b.path + "\") words=\"" + b.words + "\" ;;\n";
    }
    return "# bash completion of hikyaku: hikyaku completion bash > "
           "/etc/bash_completion.d/hikyaku\n"
           "_hikyaku() {\n"
           "  local current=${COMP_WORDS[COMP_CWORD]} path= words= i\n"
           "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "    case \"$path ${COMP_WORDS[i]}\" in\n"
           "    " +
           known +
           ") path=\"$path ${COMP_WORDS[i]}\" ;;\n"
           "    esac\n"
           "  done\n"
           "  case \"$path\" in\n" +
           cases +
           "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "}\n"
           "complete -o default -F _hikyaku hikyaku\n";
}

void add_completion_command(CLI::App& root, command_context& ctx)
{
    auto& group = add_group(root, "completion", "Print a completion script");
    auto* bash = group.add_subcommand("bash", "For bash");
    bash->footer("Example:\n  hikyaku completion bash > /etc/bash_completion.d/hikyaku");
    on_chosen(*bash, ctx,
              [&ctx, &root]
              {
                  ctx.out() << bash_completion(root);
                  return int{exit_ok};
              });
}

} // namespace hikyaku::cli
