set(EXTRA_LIBS hk_yaml)
