# tests/<tier>/<module>/*.cpp becomes the executable <tier>_<module>, one ctest entry each.
# Tiers: unit (pure and in-memory), fault (injected failures), sim (seeded schedules).
# tests/<tier>/<module>/libs.cmake may set EXTRA_LIBS for an oracle or a further module, and
# EXTRA_SOURCES for files of tests/support.
#
# A sanitized build holds layers 0 to 3 and the sessions (what handles hostile bytes, memory and
# threads); the thread sanitizer holds what has threads.
set(HK_SANITIZED_MODULES base crypto text mime smtp dns shaping bounce template segment net resolver
    dkim store http oplog queue jobs crm identity delivery feed campaign feedback smtpd)
if(HK_SANITIZE STREQUAL "thread")
    set(HK_SANITIZED_MODULES base net http store oplog queue jobs delivery feed campaign feedback smtpd)
endif()
add_custom_target(sanitized_tests)
add_custom_target(thread_tests)

file(GLOB suites CONFIGURE_DEPENDS LIST_DIRECTORIES true
     ${CMAKE_SOURCE_DIR}/tests/unit/* ${CMAKE_SOURCE_DIR}/tests/fault/* ${CMAKE_SOURCE_DIR}/tests/sim/*)
foreach(suite ${suites})
    if(NOT IS_DIRECTORY ${suite})
        continue()
    endif()
    get_filename_component(module ${suite} NAME)
    get_filename_component(tier_dir ${suite} DIRECTORY)
    get_filename_component(tier ${tier_dir} NAME)
    file(GLOB suite_sources CONFIGURE_DEPENDS ${suite}/*.cpp)
    if(NOT suite_sources OR NOT TARGET hikyaku_${module})
        continue()
    endif()
    if(HK_SANITIZE AND NOT module IN_LIST HK_SANITIZED_MODULES)
        continue()
    endif()
    set(EXTRA_LIBS "")
    set(EXTRA_SOURCES "")
    include(${suite}/libs.cmake OPTIONAL)
    list(TRANSFORM EXTRA_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/tests/support/)
    add_executable(${tier}_${module} ${suite_sources} ${EXTRA_SOURCES})
    target_include_directories(${tier}_${module} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support
                               ${CMAKE_SOURCE_DIR}/src/${module})
    target_compile_definitions(${tier}_${module} PRIVATE HK_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_link_libraries(${tier}_${module} PRIVATE hikyaku_${module} ${EXTRA_LIBS} GTest::gmock
                          GTest::gtest_main)
    set_target_properties(${tier}_${module} PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_dependencies(sanitized_tests ${tier}_${module})
    if(tier STREQUAL "unit")
        add_dependencies(thread_tests ${tier}_${module})
    endif()
    add_test(NAME ${tier}_${module} COMMAND ${tier}_${module})
    set_tests_properties(${tier}_${module} PROPERTIES LABELS ${tier} TIMEOUT 600)
endforeach()

# tests/scenario/<name>_test.py: the whole program with real peers. One at a time: they measure
# what happens within a second.
if(NOT HK_SANITIZE)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    file(GLOB scenarios CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/scenario/*_test.py)
    foreach(scenario ${scenarios})
        get_filename_component(name ${scenario} NAME_WE)
        string(REGEX REPLACE "_test$" "" name ${name})
        add_test(NAME scenario_${name} COMMAND Python3::Interpreter ${scenario})
        set_tests_properties(scenario_${name} PROPERTIES LABELS scenario TIMEOUT 300 RUN_SERIAL TRUE
            ENVIRONMENT "HK_BIN=${CMAKE_BINARY_DIR}/bin;PYTHONDONTWRITEBYTECODE=1")
    endforeach()
    # The benchmarks at tiny sizes: they still run; what they measure is not looked at.
    add_test(NAME bench_quick COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/bench/bench.py
             --build-dir ${CMAKE_BINARY_DIR} --quick)
    set_tests_properties(bench_quick PROPERTIES LABELS bench TIMEOUT 300 RUN_SERIAL TRUE
        ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
endif()

# tests/fuzz/<module>_<what>_fuzz.cpp: libFuzzer targets, in the fuzz preset only.
# tests/fuzz/<name>.cmake may set FUZZ_SOURCES, files of the module, and FUZZ_LIBS to link instead of
# the whole module, so that the target builds in a short time.
if(HK_SANITIZE STREQUAL "fuzzer")
    add_custom_target(fuzzers)
    # Those that every test run looks at.
    add_custom_target(fuzzers_ci DEPENDS config_shaping_file_fuzz dns_spf_fuzz dns_message_fuzz
                      smtp_server_session_fuzz mime_message_fuzz bounce_dsn_fuzz bounce_arf_fuzz
                      bounce_recipient_token_fuzz bounce_reply_fuzz)
    file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.cpp)
    foreach(source ${fuzz_sources})
        get_filename_component(name ${source} NAME_WE)
        string(REGEX REPLACE "_.*" "" module ${name})
        set(FUZZ_SOURCES "")
        set(FUZZ_LIBS hikyaku_${module})
        include(${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.cmake OPTIONAL)
        list(TRANSFORM FUZZ_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/src/${module}/)
        add_executable(${name} ${source} ${FUZZ_SOURCES})
        target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src/${module}
            $<TARGET_PROPERTY:hikyaku_${module},INTERFACE_INCLUDE_DIRECTORIES>)
        target_link_libraries(${name} PRIVATE ${FUZZ_LIBS} Boost::headers)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
        add_dependencies(fuzzers ${name})
    endforeach()
endif()
