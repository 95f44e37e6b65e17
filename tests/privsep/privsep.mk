# Privilege-separation attacks.
$(eval $(call program,tests/privsep-client,tests/privsep/client $(TLS) $(KEY) $(WIRE),$(LIB_event) $(LIB_tls)))
tests: $(BUILD)/tests/privsep-client
$(eval $(call program,tests/lying-conn,tests/privsep/lying-conn))
tests: $(BUILD)/tests/lying-conn
