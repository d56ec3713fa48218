"""The pages of the tests: an application that knows nothing of any cache."""

from __future__ import annotations

import gzip

from asgiref.sync import sync_to_async
from django.contrib import admin, messages
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template import engines
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django_shop.models import Product

runs = []
"""The paths of the views that ran."""


def page(source, request, **context):
    return HttpResponse(engines["django"].from_string(source).render(context, request))


def view(function):
    """A view that tells that it ran."""

    def ran(request, *args, **kwargs):
        runs.append(request.path)
        return function(request, *args, **kwargs)

    ran.__name__ = function.__name__
    return ran


@view
def shelf(request):
    return HttpResponse(", ".join(Product.objects.order_by("pk").values_list("name", flat=True)))


async def shelf_later(request):
    runs.append(request.path)
    return HttpResponse(", ".join([each.name async for each in Product.objects.order_by("pk")]))


async def hello_later(request):
    runs.append(request.path)
    if hasattr(request, "auser"):
        name = (await request.auser()).username
    else:  # Django 4.2
        name = await sync_to_async(lambda: request.user.username)()
    return HttpResponse(f"hello {name or 'stranger'}")


@view
def product(request, number):
    return HttpResponse(get_object_or_404(Product, pk=number).name)


@view
def counted(request, number):
    Product.objects.filter(pk=number).update(views=F("views") + 1)
    response = HttpResponse(Product.objects.get(pk=number).name)
    response.set_cookie("history", str(number))
    return response


@view
def hello(request):
    return page("hello {{ user.username|default:'stranger' }}", request)


@view
def rights(request):
    return HttpResponse(f"may: {request.user.has_perm('django_shop.change_product')}")


@view
def theme(request):
    return HttpResponse(f"theme {request.COOKIES.get('theme', 'light')}")


@view
def header(request):
    return HttpResponse(f"agent {request.headers.get('X-Kind')} {request.META.get('HTTP_X_SORT')}")


@view
def kind(request):
    return HttpResponse(f"kind {request.content_type}")


@view
def said(request):
    return HttpResponse(f"said {request.GET['q']}")


@view
def host(request):
    return HttpResponse(f"host {request.META['HTTP_HOST']} {request.headers['Host']}")


@view
def address(request):
    return HttpResponse(f"from {request.META['REMOTE_ADDR']}")


@view
def tenant(request, how):
    scope = request.scope
    found = {
        "get": lambda: scope.get("tenant"),
        "in": lambda: "tenant" in scope,
        "copy": lambda: dict(scope).get("tenant"),
        "keys": lambda: "tenant" in scope.keys(),  # noqa: SIM118
        "state": lambda: scope.get("state", {}).get("tenant"),
    }
    return HttpResponse(f"tenant {found[how]()}")


@view
def everything(request):
    return HttpResponse(str(sorted(request.META)))


@view
def remember(request, value):
    request.session["colour"] = value
    return HttpResponse("remembered")


@view
def colour(request):
    return HttpResponse(f"colour {request.session.get('colour')}")


@view
def form(request):
    if request.method == "POST":
        Product.objects.filter(pk=1).update(name=request.POST["name"])
        return HttpResponse("done")
    return page("<form method=post>{% csrf_token %}<input name=name></form>" + "<p>" * 99, request)


@view
def script(request):
    return page("<script>var t = '{{ csrf_token|escapejs }}';</script>", request)


@view
def streamed_form(request):
    token = engines["django"].from_string("{% csrf_token %}").render({}, request)
    return StreamingHttpResponse(iter(["<p>", token, "</p>"]))


@view
def told(request):
    messages.success(request, "It is done.")
    return HttpResponse("told")


@view
def notes(request):
    return page("{% for each in messages %}<b>{{ each }}</b>{% empty %}nothing{% endfor %}", request)


@view
def sign_in(request):
    user = authenticate(request, username=request.POST["name"], password=request.POST["password"])
    login(request, user)
    return HttpResponse("in")


@view
def sign_out(request):
    logout(request)
    return HttpResponse("out")


@view
def today(request):
    return HttpResponse(gettext("Monday"))


@view
def fail(request):
    raise ValueError("planted")


@view
def where(request):
    return HttpResponse(request.build_absolute_uri("/x"))


urlpatterns = [
    path("", shelf),
    path("shelf-later/", shelf_later),
    path("hello-later/", hello_later),
    path("product/<int:number>/", product),
    path("counted/<int:number>/", counted),
    path("hello/", hello),
    path("mine/", login_required(hello)),
    path("rights/", rights),
    path("theme/", theme),
    path("header/", header),
    path("address/", address),
    path("tenant/<how>/", tenant),
    path("kind/", kind),
    path("said/", said),
    path("host/", host),
    path("everything/", everything),
    path("remember/<value>/", remember),
    path("colour/", colour),
    path("form/", form),
    path("script/", script),
    path("streamed-form/", streamed_form),
    path("cookie/", ensure_csrf_cookie(shelf)),
    path("told/", told),
    path("notes/", notes),
    path("sign-in/", sign_in),
    path("sign-out/", sign_out),
    path("today/", today),
    path("fail/", fail),
    path("where/", where),
    path("never/", never_cache(shelf)),
    path("json/", view(lambda request: JsonResponse({"token": str(request.COOKIES)}))),
    path("streamed/", view(lambda request: StreamingHttpResponse(iter(["a", "b"])))),
    path("admin/", admin.site.urls),
]


class Strange:
    """A middleware that nobody knows."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class Compressing(Strange):
    """Compresses by itself."""

    def __call__(self, request):
        response = self.get_response(request)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.content = gzip.compress(response.content)
            response.headers["Content-Encoding"] = "gzip"
        return response
