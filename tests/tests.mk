# What the tests build; read by the Makefile.

UNIT_test_buf = common/buf
UNIT_test_wire = $(WIRE)
UNITLIB_test_wire = $(LIB_event)
UNIT_test_frame = $(WIRE)
UNITLIB_test_frame = $(LIB_event)
UNIT_test_chan = common/chan
UNITLIB_test_chan = $(LIB_event)
UNITLIB_test_heart = $(LIB_event)
UNIT_test_usermap = $(USERMAP) common/buf common/log
UNIT_test_transport = common/transport common/fingerprint common/buf
UNIT_test_limits = procsrv/limits

comma = ,
include tests/debuggees/debuggees.mk

# A counting, delaying and cutting TCP proxy.
$(eval $(call program,tests/proxy,tests/proxy/proxy))

# What live tests need besides the programs themselves.
tests: units debuggees $(BUILD)/tests/proxy
.PHONY: tests
