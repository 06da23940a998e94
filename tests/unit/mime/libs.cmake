# GMime reads back what the builder wrote: the oracle of the round-trip tests.
pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
set(EXTRA_LIBS PkgConfig::GMIME)
