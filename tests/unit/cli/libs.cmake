# The parse-only tests look into the command tree.
set(EXTRA_LIBS hk_cli11)
