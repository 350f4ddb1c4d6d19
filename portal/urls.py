from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("portal.api.urls")),
    path("", include("portal.operations.urls")),
    path("", include("portal.web.urls")),
]
handler400 = "portal.http.last_resort.bad_request"
handler403 = "portal.http.last_resort.permission_denied"
handler404 = "portal.http.last_resort.not_found"
handler500 = "portal.http.last_resort.server_error"
