# libopendkim also signs here: an independent maker of simple/simple, l= and the rest.
set(EXTRA_LIBS hk_opendkim)
