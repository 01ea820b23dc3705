"""Settings: what a workbench asks its server for besides files and kernels.

Setting schemas and the user's settings, workspaces, themes, translations, licences,
configuration sections, exporters and events, at the addresses JupyterLab knows and in
the files Jupyter uses.
"""

from plughost import Host, PageConfig, Route, Service, hookimpl
from plughost_settings.custom import CustomStyle
from plughost_settings.events import EventBus
from plughost_settings.exporters import Exporters
from plughost_settings.folders import jupyter_folders
from plughost_settings.handlers import routes
from plughost_settings.licenses import Licenses
from plughost_settings.page_config import PageSettings
from plughost_settings.schemas import Overrides, Schemas
from plughost_settings.settings import Settings
from plughost_settings.themes import Themes
from plughost_settings.translations import Translations
from plughost_settings.workspaces import Workspaces


@hookimpl
def plughost_services(host: Host) -> list[Service]:
    folders = jupyter_folders()
    schemas = Schemas(
        lambda: [frontend.folder / "schemas" for frontend in host.frontends],
        Overrides(folders.app_settings, folders.sections("labconfig")),
    )
    return [
        Service(Settings(schemas, folders.user_settings)),
        Service(Workspaces(folders.workspaces)),
        Service(Translations()),
        Service(EventBus()),
    ]


@hookimpl
def plughost_routes(host: Host) -> list[Route]:
    folders = jupyter_folders()
    return routes(
        settings=host.service(Settings),
        workspaces=host.service(Workspaces),
        translations=host.service(Translations),
        events=host.service(EventBus),
        sections=folders.sections("serverconfig"),
        themes=Themes(lambda: [frontend.folder / "themes" for frontend in host.frontends]),
        licenses=Licenses(lambda: {f.manifest.name: f.folder for f in host.frontends}),
        exporters=Exporters(),
        custom=CustomStyle(folders.config / "custom" / "custom.css"),
    )


@hookimpl
def plughost_page_config(host: Host) -> list[PageConfig]:
    options = host.config.extension("settings", PageSettings.Options)
    settings = PageSettings(jupyter_folders(), host.config.base_url, options)
    return [PageConfig("lab", lambda visit: settings.values())]
