package ser

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings/ser"
)

// authenticators ask for a password or a certificate, and let nobody pass that
// has none.
var authenticators = []string{
	"auth_check", "www_authenticate", "www_authorize", "proxy_authenticate", "proxy_authorize", "pv_www_authenticate", "pv_proxy_authenticate",
	"pv_auth_check", "pv_www_authorize", "pv_proxy_authorize", "digest_authenticate", "radius_www_authorize", "radius_proxy_authorize",
	"aaa_www_authorize", "aaa_proxy_authorize", "diameter_www_authorize", "diameter_proxy_authorize", "autheph_check", "autheph_www", "autheph_proxy",
	"autheph_authenticate", "auth_xkeys_check", "ims_www_authenticate", "ims_proxy_authenticate", "ims_www_auth", "www_challenge_check",
	"is_peer_verified", "jwt_verify", "jwt_authorize", "jwt_script_authorize", "auth_web3_check", "secsipid_check", "stirshaken_check_identity",
}

// sources ask whether the source is one of those let in.
var sources = []string{
	"allow_source_address", "allow_source_address_group", "allow_address", "allow_address_group", "allow_trusted", "allow_register", "allow_routing",
	"check_address", "check_source_address", "get_source_group", "ds_is_from_list", "ds_is_in_list", "from_gw", "from_any_gw", "is_from_gw",
	"is_gw", "lb_is_destination", "is_in_subnet", "src_ip_in", "ipops_is_in_subnet",
}

// relays pass a request on.
var relays = []string{
	"t_relay", "t_relay_to", "t_relay_to_udp", "t_relay_to_tcp", "t_relay_to_tls", "t_relay_to_sctp", "t_forward_nonack", "t_forward_nonack_udp",
	"forward", "forward_udp", "forward_tcp", "forward_tls", "forward_sctp",
}

// limits count what a source or all of them send, and refuse what is too much.
var limits = []string{"pike_check_req", "rl_check", "rl_check_pipe", "rl_check_default", "pl_check", "pl_check_limit", "secf_check_ip"}

// foreign functions go on in another language or place, which is not read.
var foreign = []string{
	"lua_run", "lua_dofile", "lua_dostring", "lua_runstring", "python_exec", "python_script_exec", "perl_exec", "perl_exec_simple", "js_run", "jsdt_run",
	"jsdt_dofile", "ruby_run", "sqlang_run", "sqlang_dofile", "mono_exec", "evapi_relay", "evapi_async_relay", "http_client_query", "http_async_query",
	"rest_get", "rest_post", "http_query", "rtjson_init_routes",
}

// destinations choose where a request goes, so that the caller does not.
var destinations = []string{
	"ds_select_dst", "ds_select_domain", "ds_select", "ds_select_routes", "ds_next_dst", "ds_next_domain", "ds_route", "do_routing", "route_to_gw",
	"route_to_carrier", "use_next_gw", "next_gw", "load_gws", "next_gws", "to_gw", "cr_route", "cr_next_domain", "cr_user_rewrite_uri", "lb_start",
	"lb_start_or_next", "load_balance", "t_load_contacts", "t_next_contacts", "next_branches", "pdt", "prefix2domain", "tel2uri", "enum_query",
	"rewritehost", "sethost", "seth", "rewritehostport", "sethostport", "sethp", "rewriteuri", "seturi", "rewritehostporttrans", "sethostporttrans",
	"t_relay_to_udp", "t_relay_to_tcp", "t_relay_to_tls", "forward_udp", "forward_tcp", "forward_tls", "mt_match", "dp_translate", "uac_redirect",
	"$ru", "$rd", "$du", "$dd", "$rp", "$(ru)", "$(du)", "goes_to_gw", "sd_lookup", "sca_call_info_update",
}

// local tells functions that ask for the domain of the called, and with other
// arguments for that of the caller.
var local = []string{"is_myself", "is_domain_local", "is_uri_host_local", "lookup_domain", "is_from_local", "is_local", "is_ip_rr"}

// present find nothing but what the called has; they fail for a foreign domain.
var present = []string{"lookup", "lookup_branches", "lookup_to_dset", "registered", "alias_db_lookup", "reg_fetch_contacts", "reg_free_contacts", "lookup_xavp"}

// passes are what a well-formed request that is not one too many passes, and
// what works where nothing is broken.
var passes = []string{
	"sanity_check", "mf_process_maxfwd_header", "t_newtran", "save", "t_relay", "record_route", "consume_credentials", "sl_send_reply", "send_reply",
	"t_reply", "sl_reply_error", "xlog", "force_rport", "remove_hf", "append_hf", "setflag", "route_if_exists",
}

// absent are about a transaction or a dialog that is not there.
var absent = []string{"has_totag", "t_check_trans", "t_precheck_trans", "t_lookup_request", "t_is_canceled", "is_reply", "isbflagset"}

// callers are functions whose answer the caller decides, and conditions on it.
var callers = []string{
	"is_method", "nat_uac_test", "client_nat_test", "has_body", "search", "search_body", "search_append", "is_present_hf", "is_request", "is_first_hop",
	"t_is_set", "starts_with", "is_user", "check_route_param", "strempty", "strlen", "pcre_match", "pcre_match_group", "is_rpid_user_e164", "has_credentials",
	"is_audio_on_hold", "is_uri_user_e164", "is_e164", "is_numeric", "is_alphanum", "msg_apply_changes", "options_reply", "isdsturiset", "is_avp_set",
}

// gives tells what a call gives, and whether the caller decides where that is
// not known.
func (e *expression) gives(c *ser.Call) (truth, bool) {
	name := c.Name
	has := func(list []string) bool { return slices.Contains(list, name) }
	switch {
	case name == "is_method" && len(c.Args) == 1 && len(c.Args[0]) == 1 && c.Args[0][0].Kind != ser.Variable:
		return e.matches(c.Args[0][0].Text, false), true
	case has(authenticators) || has(sources):
		return known(e.want.Trusted), true
	case has(limits) || has(passes):
		return yes, true
	case has(absent):
		return no, true
	case name == "loose_route" || name == "loose_route_preloaded":
		return known(e.want.Preloaded), true
	case has(present):
		return known(e.want.ToUs), true
	case has(local):
		return e.domain(c), true
	}
	return maybe, has(callers) || has(destinations)
}

// domain tells whose domain a function asks for.
func (e *expression) domain(c *ser.Call) truth {
	args := ""
	for _, a := range c.Args {
		args += ser.Join(a) + " "
	}
	switch {
	case c.Name == "is_from_local" || strings.Contains(args, "$f"):
		return known(e.want.FromUs)
	case strings.Contains(args, "$si"):
		return known(e.want.Trusted)
	}
	return known(e.want.ToUs)
}

// innocent tells what the caller can choose as it likes, so that a condition on
// it keeps nobody out.
func innocent(text string) bool {
	for _, word := range []string{"method", "uri", "from_uri", "to_uri", "msg:len", "max_len", "proto", "src_port", "af"} {
		if text == word {
			return true
		}
	}
	name := strings.TrimLeft(text, "$(")
	if name == text { // no variable
		return text != "" && text[0] >= '0' && text[0] <= '9'
	}
	end := 0
	for end < len(name) && (name[end] >= 'a' && name[end] <= 'z' || name[end] >= 'A' && name[end] <= 'Z') {
		end++
	}
	switch name[:end] {
	case "ua", "ru", "rU", "rd", "rm", "rb", "fu", "fU", "fd", "fn", "ft", "tu", "tU", "td", "tn", "tt", "ci", "cs", "ct", "cT", "hdr", "au", "aU", "ar",
		"sp", "pr", "proto", "ml", "mb", "bs", "rP", "hfl", "hdrc", "od", "oU", "ou", "pU", "pu", "ai", "di", "hu", "hm", "null":
		return true
	}
	return false
}
