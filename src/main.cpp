#include <hikyaku/cli/command_line.h>

int main(int argc, char** argv)
{
    return hikyaku::cli::run(argc, argv);
}
