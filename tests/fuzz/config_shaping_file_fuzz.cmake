set(FUZZ_SOURCES document.cpp forms.cpp nearest.cpp shaping_file.cpp shaping_rules.cpp)
set(FUZZ_LIBS hikyaku_shaping hk_yaml)
