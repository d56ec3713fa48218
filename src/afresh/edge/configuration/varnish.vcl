vcl 4.1;
# Varnish 7 in front of an application that afresh serves. Written by: afresh edge varnish
#
# Start it with two listeners. Visitors, or the server that ends TLS for them, come to the first.
# Purges are accepted on the second only, which nobody else may reach:
#
#   varnishd -f this.vcl -a visitors=:6081 -a purge=127.0.0.1:6091 -s malloc,256m
#
# What is kept: answers to GET and HEAD that say how long they may be kept by a shared cache.
# What is not: anything for a visitor who sends Authorization or a cookie, anything that sets one.

import std;
import purge;
@IMPORT_XKEY@
backend app {
    .host = "@BACKEND_HOST@";
    .port = "@BACKEND_PORT@";
    .first_byte_timeout = 60s;
@PROBE@}

# Who may say by which scheme a visitor came: the server that ends TLS.
acl fronts {
@FRONTS@}

sub vcl_recv {
    if (local.socket == "purge") {
        call afresh_purge;
    }
    if (req.restarts == 0) {
        unset req.http.x-afresh-look;
    }

    # A method that no page has. CONNECT and TRACE are not for a cache.
    if (req.method !~ "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|QUERY)$") {
        return (synth(405));
    }
@HOSTS@
    # Headers that change what an application answers, and that stand in no key: nobody outside may set them.
    unset req.http.proxy;
    unset req.http.x-forwarded-host;
    unset req.http.x-forwarded-port;
    unset req.http.x-forwarded-prefix;
    unset req.http.x-forwarded-scheme;
    unset req.http.x-forwarded-server;
    unset req.http.x-forwarded-ssl;
    unset req.http.forwarded;
    unset req.http.x-host;
    unset req.http.x-original-host;
    unset req.http.x-script-name;
    unset req.http.x-original-url;
    unset req.http.x-rewrite-url;
    unset req.http.x-http-method;
    unset req.http.x-http-method-override;
    unset req.http.x-method-override;
    if (client.ip !~ fronts || req.http.x-forwarded-proto != "https") {
        set req.http.x-forwarded-proto = "http";
    }

    if (req.http.upgrade ~ "(?i)websocket") {
        return (pipe);
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    # A GET with a body: what it answers may depend on the body, which is in no key.
    if (req.http.transfer-encoding || (req.http.content-length && req.http.content-length != "0")) {
        return (pass);
    }
@PARAMETERS@@COOKIES@
    # Whoever has a session is served by the application, whose own cache knows visitors apart.
    if (req.http.authorization || req.http.cookie) {
        return (pass);
    }

    # `fresh`: a stale page was found that may not be served. `stale`: it may after all, the application failed.
    if (req.http.x-afresh-look == "fresh") {
        set req.grace = 0s;
    } elseif (req.http.x-afresh-look == "stale") {
        set req.grace = 10y;
    }
    return (hash);
}

sub vcl_hash {
    hash_data(req.http.x-forwarded-proto);
    # Varnish goes on with the URL and the host.
}

sub vcl_pipe {
    set bereq.http.upgrade = req.http.upgrade;
    set bereq.http.connection = "upgrade";
}

sub vcl_hit {
    if (req.method == "PURGE") {
        call afresh_soft;
    }
    if (obj.ttl >= 0s || req.http.x-afresh-look == "stale") {
        return (deliver);
    }
    # stale-while-revalidate: this visitor gets the old page, and a new one is fetched behind his back.
    if (obj.ttl + std.duration(obj.http.x-afresh-swr, 0s) > 0s) {
        return (deliver);
    }
    # Kept for when the application fails. Ask it first.
    set req.http.x-afresh-look = "fresh";
    return (restart);
}

sub vcl_miss {
    if (req.method == "PURGE") {
        call afresh_soft;
    }
}

sub vcl_backend_fetch {
    unset bereq.http.x-afresh-look;
}

sub vcl_backend_response {
    if (beresp.status >= 500) {
        if (bereq.is_bgfetch) {
            return (abandon);
        }
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        set beresp.grace = 0s;
        return (deliver);
    }

    # A second line of Cache-Control counts as much as the first.
    std.collect(beresp.http.cache-control);
    std.collect(beresp.http.cdn-cache-control);
    std.collect(beresp.http.vary);
    set beresp.http.x-afresh-control = beresp.http.cache-control;
    if (beresp.http.cdn-cache-control) {
        # Meant for us, instead of Cache-Control (RFC 9213).
        set beresp.http.x-afresh-control = beresp.http.cdn-cache-control;
    }
    call afresh_freshness;

    if (beresp.ttl <= 0s
        || beresp.http.x-afresh-control ~ "(?i)(^|[\s,])(no-store|no-cache|private)($|[\s,=])"
        || beresp.http.surrogate-control ~ "(?i)no-store"
        || beresp.http.set-cookie
        || beresp.http.vary ~ "\*"
        || beresp.status == 206
        # An error is often one request's fault. It is kept if it says that it is for all, or lasts by its nature.
        || (beresp.status >= 400 && beresp.http.x-afresh-control !~ "(?i)(^|[\s,])(public|s-maxage)($|[\s,=])"
            && beresp.status != 404 && beresp.status != 405 && beresp.status != 410
            && beresp.status != 414 && beresp.status != 451)) {
        # Hit-for-miss: for a while nobody waits for anybody else's answer here.
        set beresp.uncacheable = true;
        set beresp.ttl = @HIT_FOR_MISS@;
        if (beresp.http.x-afresh-changed) {
            set beresp.ttl = 1s;
        }
        set beresp.grace = 0s;
    } else {
@KEYS@    }
    set beresp.keep = 0s;
    unset beresp.http.x-afresh-control;
    return (deliver);
}

# How long, by what the answer says itself, and how long it may be served when it is stale.
sub afresh_freshness {
    if (beresp.http.x-afresh-control ~ "(?i)(^|[\s,])s-maxage\s*=\s*\x22?[0-9]+") {
        set beresp.ttl = std.duration(regsub(beresp.http.x-afresh-control, "(?i)^.*?s-maxage\s*=\s*\x22?([0-9]{1,9}).*$", "\1s"), 0s);
        set beresp.ttl = beresp.ttl - beresp.age;
    } elseif (beresp.http.x-afresh-control ~ "(?i)(^|[\s,])max-age\s*=\s*\x22?[0-9]+") {
        set beresp.ttl = std.duration(regsub(beresp.http.x-afresh-control, "(?i)^.*?(?:^|[\s,])max-age\s*=\s*\x22?([0-9]{1,9}).*$", "\1s"), 0s);
        set beresp.ttl = beresp.ttl - beresp.age;
    } elseif (!beresp.http.expires || beresp.http.x-afresh-control ~ "(?i)max-?age") {
        set beresp.ttl = 0s;
    }

    set beresp.http.x-afresh-swr = "0s";
    set beresp.grace = @STALE_IF_ERROR@;
    if (beresp.http.x-afresh-control ~ "(?i)stale-if-error\s*=\s*\x22?[0-9]+") {
        set beresp.grace = std.duration(regsub(beresp.http.x-afresh-control, "(?i)^.*?stale-if-error\s*=\s*\x22?([0-9]{1,9}).*$", "\1s"), 0s);
    }
    if (beresp.http.x-afresh-control ~ "(?i)stale-while-revalidate\s*=\s*\x22?[0-9]+") {
        set beresp.http.x-afresh-swr = regsub(beresp.http.x-afresh-control, "(?i)^.*?stale-while-revalidate\s*=\s*\x22?([0-9]{1,9}).*$", "\1s");
        if (std.duration(beresp.http.x-afresh-swr, 0s) > beresp.grace) {
            set beresp.grace = std.duration(beresp.http.x-afresh-swr, 0s);
        }
    }
    if (beresp.http.x-afresh-control ~ "(?i)(must|proxy)-revalidate") {
        set beresp.http.x-afresh-swr = "0s";
        set beresp.grace = 0s;
    }
}

sub vcl_deliver {
    # The application failed, and there is an older page that may be served then.
    if (resp.status >= 500 && req.http.x-afresh-look == "fresh" && req.restarts < 3) {
        set req.http.x-afresh-look = "stale";
        return (restart);
    }
    if (resp.http.cache-status) {
        set resp.http.cache-status = resp.http.cache-status + ", ";
    }
    if (obj.hits > 0) {
        set resp.http.cache-status = resp.http.cache-status + "varnish; hit";
    } else {
        set resp.http.cache-status = resp.http.cache-status + "varnish; fwd=miss";
    }
    unset resp.http.x-afresh-swr;
    unset resp.http.x-varnish;
@STRIP@}

sub vcl_synth {
    if (req.method == "PURGE") {
        set resp.http.content-type = "text/plain";
        synthetic(resp.reason);
        return (deliver);
    }
}

# -- purging --------------------------------------------------------------------------------------------

sub afresh_purge {
    if (req.http.x-afresh-token != "@TOKEN@") {
        return (synth(403));
    }
    if (req.method != "PURGE") {
        return (synth(405));
    }
    if (req.http.x-afresh-all) {
        ban("obj.status != 0");
        return (synth(200, "everything"));
    }
    if (req.http.x-afresh-keys) {
@PURGE_KEYS@    }
    # By URL: those of the Host header and of the path, in all variants.
    if (req.http.x-forwarded-proto != "https") {
        set req.http.x-forwarded-proto = "http";
    }
    if (req.http.x-afresh-soft) {
        return (hash);
    }
    return (purge);
}

sub afresh_soft {
    return (synth(200, purge.soft(0s) + " objects"));
}
