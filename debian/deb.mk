# The Debian packages; see debian/build.sh.
deb:
	$(Q)debian/build.sh $(BUILD)/deb
.PHONY: deb
