# The same programs for i386, where the cross compiler is.  gcc-multilib would do as well,
# but puts the other cross compilers off the machine.  They run with the cross compiler's own C
# library, whose loader has another place than /lib.

I386_CC ?= i686-linux-gnu-gcc
I386_CXX ?= i686-linux-gnu-g++
I386 := $(shell command -v $(I386_CC) 2>/dev/null)
I386XX := $(shell command -v $(I386_CXX) 2>/dev/null)
I386_LIB ?= /usr/i686-linux-gnu/lib
I386_DYNAMIC = -Wl,-dynamic-linker,$(I386_LIB)/ld-linux.so.2 -Wl,-rpath,$(I386_LIB)
# only programs look for a loader
i386_link = $(if $(findstring -static,$(1))$(findstring -shared,$(1)),,$(I386_DYNAMIC))

# $(1) name, $(2) source, $(3) flags, $(4) more prerequisites, $(5) libraries
define debuggee_i386
$(DEBUGGEES)/$(1): $(D)/$(2) $(D)/debuggee.h $(D)/i386.mk $(4)
	@mkdir -p $$(@D)
	$$(call say,DBG,$(1))
	$$(Q)$(if $(filter %.cc,$(2)),$(I386_CXX) -std=c++17,$(I386_CC) -std=gnu17 -D_GNU_SOURCE) -g -Wall -Wextra -pthread $(3) $(call i386_link,$(3)) -o $$@ $$< $(5)
debuggees: $(DEBUGGEES)/$(1)
endef

ifneq ($(I386),)
$(eval $(call debuggee_i386,sleepers-i386,sleepers.c,-O0))
$(eval $(call debuggee_i386,sleepers-O2-i386,sleepers.c,-O2))
$(eval $(call debuggee_i386,sleepers-nofp-i386,sleepers.c,-O2 -fomit-frame-pointer))
$(eval $(call debuggee_i386,sleepers-nopie-i386,sleepers.c,-O1 -no-pie))
$(eval $(call debuggee_i386,sleepers-static-i386,sleepers.c,-O0 -static))
$(eval $(call debuggee_i386,sleepers-static-pie-i386,sleepers.c,-O2 -static-pie))
$(eval $(call debuggee_i386,sleepers-stripped-i386,sleepers.c,-O2 -s))
$(eval $(call debuggee_i386,sleepers-dwarf4-i386,sleepers.c,-O2 -gdwarf-4))
$(eval $(call debuggee_i386,inlined-i386,inlined.c,-O2))
$(eval $(call debuggee_i386,inlined-O3-i386,inlined.c,-O3))
$(eval $(call debuggee_i386,sigframe-i386,sigframe.c,-O0))
$(eval $(call debuggee_i386,sigframe-O2-i386,sigframe.c,-O2))
$(eval $(call debuggee_i386,linestart-i386,linestart.c,-O0))
$(eval $(call debuggee_i386,linestart-O2-i386,linestart.c,-O2))
$(eval $(call debuggee_i386,deep-i386,deep.c,-O1 -fno-optimize-sibling-calls))
$(eval $(call debuggee_i386,dlopened-i386,dlopened.c,-O1,,-ldl))
$(eval $(call debuggee_i386,libplugin-i386.so,plugin.c,-O2 -shared -fPIC -fno-optimize-sibling-calls))
$(eval $(call debuggee_i386,libnodebug-i386.so,plugin.c,-O2 -shared -fPIC -s -fno-optimize-sibling-calls))
$(eval $(call debuggee_i386,plt-i386,plt.c,-O1,$(DEBUGGEES)/libnodebug-i386.so,-L$(DEBUGGEES) -lnodebug-i386 -Wl$(comma)-rpath$(comma)'$$$$ORIGIN'))
$(eval $(call debuggee_i386,plt-nopie-i386,plt.c,-O1 -no-pie,$(DEBUGGEES)/libnodebug-i386.so,-L$(DEBUGGEES) -lnodebug-i386 -Wl$(comma)-rpath$(comma)'$$$$ORIGIN'))
$(eval $(call debuggee_i386,plt-ibt-i386,plt.c,-O1 -fcf-protection -Wl$(comma)-z$(comma)ibtplt,$(DEBUGGEES)/libnodebug-i386.so,-L$(DEBUGGEES) -lnodebug-i386 -Wl$(comma)-rpath$(comma)'$$$$ORIGIN'))
$(eval $(call debuggee_i386,liblinked-i386.so,own.c,-O1 -shared -fPIC -DOF=linked_))
$(eval $(call debuggee_i386,libloaded-i386.so,own.c,-O1 -shared -fPIC -DOF=loaded_))
$(eval $(call debuggee_i386,owns-i386,owns.c,-O1,$(DEBUGGEES)/liblinked-i386.so,-L$(DEBUGGEES) -llinked-i386 -ldl -Wl$(comma)-rpath$(comma)'$$$$ORIGIN'))
$(eval $(call debuggee_i386,vdso-i386,vdso.c,-O1))
$(eval $(call debuggee_i386,smashed-i386,smashed.c,-O0))
$(eval $(call debuggee_i386,jumped-i386,jumped.c,-O2))
$(eval $(call debuggee_i386,nullcall-i386,nullcall.c,-O2))
$(eval $(call debuggee_i386,nocfi-i386,nocfi.c,-O1))
$(eval $(call debuggee_i386,noreturn-i386,noreturn.c,-O2))
$(eval $(call debuggee_i386,memory-i386,memory.c,-O1))
$(eval $(call debuggee_i386,events-i386,events.c,-O1))
$(eval $(call debuggee_i386,signals-i386,signals.c,-O1))
$(eval $(call debuggee_i386,kin-i386,kin.c,-O1))
$(eval $(call debuggee_i386,changes-i386,changes.c,-O1))
$(eval $(call debuggee_i386,becomes-i386,becomes.c,-O1))
$(eval $(call debuggee_i386,patched-i386,patched.c,-O1))
$(eval $(call debuggee_i386,watched-i386,watched.c,-O0))
$(eval $(call debuggee_i386,points-i386,points.c,-O0))
$(eval $(call debuggee_i386,inherits-i386,inherits.c,-O0))
$(eval $(call debuggee_i386,happens-i386,happens.c,-O0,,-ldl))
$(eval $(call debuggee_i386,steps-i386,steps.c,-O0))
$(eval $(call debuggee_i386,waits-i386,waits.c,-O1))
$(eval $(call debuggee_i386,spin-i386,spin.c,-O1))
$(eval $(call debuggee_i386,lengths-i386,lengths.c,-O0))
endif
ifneq ($(I386XX),)
$(eval $(call debuggee_i386,points-cc-i386,points.cc,-O0))
$(eval $(call debuggee_i386,steps-cc-i386,steps.cc,-O0))
$(eval $(call debuggee_i386,steps-cc-O2-i386,steps.cc,-O2))
$(eval $(call debuggee_i386,names-i386,names.cc,-O0))
$(eval $(call debuggee_i386,values_cc-i386,values_cc.cc,-O0))
endif
